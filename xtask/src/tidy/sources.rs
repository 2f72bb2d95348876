//! What every source file keeps to.

use std::path::Path;

use super::Source;

/// Everything in the files that must not be there, or is not there and must be.
pub(super) fn complaints(sources: &[Source]) -> Vec<String> {
    sources.iter().flat_map(complaints_about).collect()
}

fn complaints_about(source: &Source) -> Vec<String> {
    let path = source.path.display();
    let mut found = Vec::new();
    if source.path.ends_with("mod.rs") {
        found.push(format!("{path}: a module's file has the module's name, not mod.rs"));
    }
    if is_of_a_package(&source.path) && !source.text.starts_with("//!") {
        found.push(format!("{path}: does not begin with a `//!` that says what it is"));
    }
    let numbered = source.text.lines().zip(1..);
    found.extend(numbered.filter_map(|(line, number)| {
        unfinished(line).map(|what| format!("{path}:{number}: `{what}`"))
    }));
    found
}

/// Whether the file is part of what a package builds, and not one of its test files.
fn is_of_a_package(path: &Path) -> bool {
    path.components().any(|it| it.as_os_str() == "src")
}

/// What on this line says that something was put off.
fn unfinished(line: &str) -> Option<&'static str> {
    let code = line.split("//").next().unwrap_or_default();
    [concat!("todo", "!"), concat!("unimplemented", "!"), concat!("#[", "ignore")]
        .into_iter()
        .find(|it| code.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(path: &str, text: &str) -> Vec<String> {
        complaints(&[Source { path: path.into(), text: text.to_owned() }])
    }

    #[test]
    fn a_tidy_file_is_left_alone() {
        assert_eq!(about("crates/a/src/b.rs", "//! B.\n// Nothing todo!\n"), Vec::<String>::new());
        assert_eq!(about("tests/tests/login.rs", "use a::b;\n"), Vec::<String>::new());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert_eq!(about("crates/a/src/b.rs", "use a::b;\n").len(), 1);
        assert_eq!(about("tests/tests/common/mod.rs", "//! Common.\n").len(), 1);
        let unfinished = format!("//! B.\nfn f() {{\n    {}!()\n}}\n", "todo");
        assert_eq!(
            about("crates/a/src/b.rs", &unfinished),
            [format!("crates/a/src/b.rs:3: `{}!`", "todo")]
        );
        let left_out = format!("//! B.\n#[{} = \"slow\"]\n", "ignore");
        assert_eq!(about("crates/a/src/b.rs", &left_out).len(), 1);
    }
}
