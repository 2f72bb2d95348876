//! Who keeps to the workspace's lints, and so has no `unsafe` (CFG-04).

/// The only package with lints of its own: it has `unsafe`, and says where.
const EXEMPT: &str = "argon2-simd";

/// What the manifests say.
pub(super) struct Manifests {
    /// The text of the workspace's.
    pub(super) workspace: String,
    /// The name of each package, and the text of its own.
    pub(super) packages: Vec<(String, String)>,
}

/// Every package but one that does not keep to the workspace's lints, and the workspace itself if
/// these do not forbid `unsafe`. What is forbidden cannot be allowed in a source.
pub(super) fn complaints(manifests: &Manifests) -> Vec<String> {
    let forbids = has(&manifests.workspace, "workspace.lints.rust", "unsafe_code = \"forbid\"");
    let workspace =
        (!forbids).then(|| "Cargo.toml: the workspace does not forbid `unsafe_code`".to_owned());
    let packages = manifests.packages.iter().filter_map(|(name, manifest)| {
        let (is_kept, complaint) = if name == EXEMPT {
            (has(manifest, "lints.rust", "unsafe_code = \"deny\""), "does not deny `unsafe_code`")
        } else {
            let is_kept = has(manifest, "lints", "workspace = true");
            (is_kept, "does not keep to the workspace's lints")
        };
        (!is_kept).then(|| format!("{name} {complaint}"))
    });
    workspace.into_iter().chain(packages).collect()
}

/// Whether a manifest has this line in this section.
fn has(manifest: &str, section: &str, line: &str) -> bool {
    let heading = format!("[{section}]");
    manifest
        .lines()
        .map(str::trim)
        .skip_while(|it| *it != heading)
        .skip(1)
        .take_while(|it| !it.starts_with('['))
        .any(|it| it == line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORBIDS: &str = "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
    const KEEPS: &str = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n\n[dependencies]\n";

    fn about(workspace: &str, name: &str, manifest: &str) -> usize {
        let packages = vec![(name.to_owned(), manifest.to_owned())];
        complaints(&Manifests { workspace: workspace.to_owned(), packages }).len()
    }

    /// CFG-04: `unsafe` is forbidden, but for one package, which denies it.
    #[test]
    fn only_one_package_may_have_unsafe() {
        let denies = "[lints.rust]\nunsafe_code = \"deny\"\n";
        assert_eq!(about(FORBIDS, "a", KEEPS), 0);
        assert_eq!(about(FORBIDS, EXEMPT, denies), 0);
        assert_eq!(about(FORBIDS, "a", denies), 1);
        assert_eq!(about(FORBIDS, "a", "[package]\nname = \"a\"\n"), 1);
        assert_eq!(about(FORBIDS, "a", "[lints]\n[dependencies]\nworkspace = true\n"), 1);
        assert_eq!(about(FORBIDS, EXEMPT, "[package]\n"), 1);
        assert_eq!(about("[workspace.lints.rust]\n", "a", KEEPS), 1);
    }
}
