//! `setup`: looks for the tools that the other tasks use, and installs what is missing.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use test_servers::{
    faketime_library, pgbouncer_program, postgres_folder, python_program, redis_program,
};

use crate::run::{Progress, cargo, outlive_ctrl_c, output, run, version};
use crate::workspace::{Workspace, root};

/// The cargo-deny that `deny.toml` was written for.
const DENY_VERSION: &str = "0.20.2";
/// What the tests take from `PyPI`, as pip calls it: a mail server, the reference library of
/// Standard Webhooks, an OAuth 2 client, and vendors' own libraries, which say whether stand-ins
/// take what vendors take.
const FROM_PYPI: [&str; 8] = [
    "aiosmtpd==1.4.6",
    "alibabacloud-dypnsapi20170525==2.0.0",
    "alibabacloud-dysmsapi20170525==4.6.0",
    "Authlib==1.6.5",
    "requests==2.34.2",
    "standardwebhooks==1.1.0",
    "tencentcloud-sdk-python-sms==3.1.153",
    "twilio==9.13.0",
];
/// What asks a node all that its OpenAPI document allows, as pip calls it.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// What the tests take from npm, below `tests/clients`, and how npm installs exactly that.
const NPM_FILES: [&str; 2] = ["package.json", "package-lock.json"];
/// See [`NPM_FILES`].
const NPM_CI: [&str; 4] = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
/// Debian's hook that says whether an installed service may start.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// One of the programs that tests run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Postgres,
    Redis,
    /// For the mail server, which is written in it.
    Python,
    /// For an OpenID client, which is written for it, and npm, which gets it.
    Node,
    /// A pooler before PostgreSQL.
    PgBouncer,
    /// A library that tells programs another time.
    Faketime,
    /// An engine of containers.
    Docker,
    /// Runs several containers as one.
    Compose,
    /// Makes a Debian of its packages.
    Debootstrap,
    /// Looks at units of systemd.
    Systemd,
    /// Looks at alarms.
    Promtool,
}

impl Program {
    /// What the tests' command runs on.
    const USUAL: [Self; 4] = [Self::Postgres, Self::Redis, Self::Python, Self::Node];

    const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
            Self::Python => "Python 3",
            Self::Node => "Node.js",
            Self::PgBouncer => "PgBouncer",
            Self::Faketime => "libfaketime",
            Self::Docker => "Docker",
            Self::Compose => "Docker Compose",
            Self::Debootstrap => "debootstrap",
            Self::Systemd => "systemd",
            Self::Promtool => "promtool",
        }
    }

    /// Debian's packages.
    const fn of_debian(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Redis => "redis-server",
            Self::Python => "python3-venv",
            Self::Node => "nodejs npm",
            Self::PgBouncer => "pgbouncer",
            Self::Faketime => "libfaketime",
            Self::Docker => "docker.io",
            Self::Compose => "docker-compose",
            Self::Debootstrap => "debootstrap",
            Self::Systemd => "systemd",
            Self::Promtool => "prometheus",
        }
    }

    /// Homebrew's.
    const fn of_homebrew(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql@17",
            Self::Redis => "redis",
            Self::Python => "python",
            Self::Node => "node",
            Self::PgBouncer => "pgbouncer",
            Self::Faketime => "libfaketime",
            Self::Docker => "docker",
            Self::Compose => "docker-compose",
            Self::Debootstrap => "debootstrap",
            Self::Systemd => "systemd",
            Self::Promtool => "prometheus",
        }
    }

    /// What is looked for.
    const fn what(self) -> &'static str {
        match self {
            Self::Postgres => "`postgres` and `initdb`",
            Self::Redis => "`redis-server`",
            Self::Python => "`python3` (with venv and pip)",
            Self::Node => "`node` (18 or newer) and `npm`",
            Self::PgBouncer => "`pgbouncer`",
            Self::Faketime => "`libfaketimeMT.so.1`",
            Self::Docker => "`dockerd` and `docker`",
            Self::Compose => "`docker-compose`",
            Self::Debootstrap => "`debootstrap`",
            Self::Systemd => "`systemd-analyze`",
            Self::Promtool => "`promtool`",
        }
    }

    /// The version and the place of what is here.
    fn found(self) -> Option<String> {
        let program = match self {
            Self::Postgres => postgres_folder().ok()?.join("postgres"),
            Self::Redis => redis_program().ok()?,
            Self::Python => python_program().ok()?,
            Self::PgBouncer => pgbouncer_program().ok()?,
            Self::Node => {
                version(Command::new("npm").arg("--version"))?;
                return version(Command::new("node").arg("--version"));
            }
            Self::Faketime => return Some(faketime_library()?.display().to_string()),
            Self::Docker => {
                version(Command::new("docker").arg("--version"))?;
                "dockerd".into()
            }
            Self::Systemd => "systemd-analyze".into(),
            Self::Compose => "docker-compose".into(),
            Self::Debootstrap => "debootstrap".into(),
            Self::Promtool => "promtool".into(),
        };
        let version = version(Command::new(&program).arg("--version"))?;
        Some(format!("{version} ({})", program.display()))
    }
}

/// What we know how to do here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Here {
    /// Debian or a relative, and we may install.
    DebianAsRoot,
    /// Debian or a relative, and we may not.
    Debian,
    /// macOS.
    Mac,
    /// Anything else.
    Other,
}

/// Looks for everything; installs the servers and cargo-deny if they are missing.
pub(crate) fn setup() -> Result<()> {
    servers()?;
    let workspace = Workspace::load()?;
    python_packages(&workspace)?;
    node_packages(&workspace)?;
    match version(&mut cargo(["nextest", "--version"])) {
        Some(version) => found("cargo-nextest", &version),
        None => found(
            "cargo-nextest",
            "not there, and not needed: `cargo test` runs the tests, more slowly",
        ),
    }
    deny()?;
    eprintln!("All set.");
    Ok(())
}

/// Makes sure that PostgreSQL, Redis, Python and Node.js are here.
pub(crate) fn servers() -> Result<()> {
    programs(&Program::USUAL)
}

/// Makes sure that programs are here.
pub(crate) fn programs(wanted: &[Program]) -> Result<()> {
    let mut missing = Vec::new();
    for program in wanted {
        match program.found() {
            Some(what) => found(program.name(), &what),
            None => missing.push(*program),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    outlive_ctrl_c()?;
    install(&missing, here())?;
    for program in missing {
        let name = program.name();
        let Some(what) = program.found() else {
            bail!("{name}: {} is not found, or does not run", program.what());
        };
        found(name, &what);
    }
    Ok(())
}

/// Makes sure that what the tests take from npm is here, and gives its folder, below the folder of
/// what is built.
pub(crate) fn node_packages(workspace: &Workspace) -> Result<PathBuf> {
    let (wanted, folder) = (root().join("tests/clients"), workspace.target_directory.join("node"));
    let modules = folder.join("node_modules");
    let same = |name: &&str| {
        let [wanted, held] = [&wanted, &folder].map(|it| fs::read(it.join(name)).ok());
        wanted.is_some() && wanted == held
    };
    // npm writes this file last.
    let is_whole = modules.join(".package-lock.json").exists();
    if !is_whole || !NPM_FILES.iter().all(same) {
        Progress::start().step(format!("npm {} in {}", NPM_CI.join(" "), folder.display()));
        fs::create_dir_all(&folder)?;
        for name in NPM_FILES {
            let what = || format!("could not copy {name} to {}", folder.display());
            fs::copy(wanted.join(name), folder.join(name)).with_context(what)?;
        }
        run(Command::new("npm").args(NPM_CI).current_dir(&folder))?;
    }
    found("from npm", "openid-client");
    Ok(modules)
}

/// Makes sure that what the tests take from `PyPI` is here, and gives the Python that runs it: one
/// of the project's own, below the folder of what is built.
pub(crate) fn python_packages(workspace: &Workspace) -> Result<PathBuf> {
    from_pypi(workspace, "python", &FROM_PYPI)
}

/// Makes sure that Schemathesis is here, and gives the Python that runs it: one of its own, since
/// it wants others of the packages that the tests use.
pub(crate) fn schemathesis(workspace: &Workspace) -> Result<PathBuf> {
    from_pypi(workspace, "schemathesis", &[SCHEMATHESIS])
}

/// Makes sure that packages from `PyPI` are in an environment of their own, and gives its Python.
fn from_pypi(workspace: &Workspace, name: &str, packages: &[&str]) -> Result<PathBuf> {
    let folder = workspace.target_directory.join(name);
    let python = folder.join("bin").join("python");
    let installed = |python: &Path| {
        let wanted = format!(
            "from importlib.metadata import version as v\n\
             for it in {packages:?}:\n\x20name, wanted = it.split('==')\n\x20assert v(name) == wanted"
        );
        let mut command = Command::new(python);
        command.args(["-c", &wanted]).stderr(Stdio::null());
        command.status().is_ok_and(|it| it.success())
    };
    if !installed(&python) {
        Progress::start().step(format!(
            "installing {} in {}",
            packages.join(" "),
            folder.display()
        ));
        // What a link leads to is somebody else's, and not ours to clear.
        if folder.is_symlink() {
            fs::remove_file(&folder)
                .with_context(|| format!("the link {} cannot be removed", folder.display()))?;
        }
        run(Command::new(python_program()?).args(["-m", "venv", "--clear"]).arg(&folder))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(&python).args(pip).args(packages))?;
        if !installed(&python) {
            bail!("installed {}, and it does not run", packages.join(" "));
        }
    }
    found("from PyPI", &packages.join(" "));
    Ok(python)
}

/// Makes sure that cargo-deny is here.
pub(crate) fn deny() -> Result<()> {
    if let Some(version) = version(&mut cargo(["deny", "--version"])) {
        found("cargo-deny", &version);
        return Ok(());
    }
    Progress::start().step(format!(
        "installing cargo-deny {DENY_VERSION}: it is compiled, which takes several minutes"
    ));
    run(&mut cargo(["install", "cargo-deny", "--locked", "--version", DENY_VERSION]))
}

fn found(name: &str, what: &str) {
    eprintln!("{name:<14} {what}");
}

fn here() -> Here {
    if cfg!(target_os = "macos") {
        return Here::Mac;
    }
    if !Path::new("/etc/debian_version").exists() {
        return Here::Other;
    }
    match output(Command::new("id").arg("-u")) {
        Ok(id) if id.trim() == "0" => Here::DebianAsRoot,
        Ok(_) | Err(_) => Here::Debian,
    }
}

fn install(missing: &[Program], here: Here) -> Result<()> {
    if here != Here::DebianAsRoot {
        bail!("{}", advice(missing, here));
    }
    let progress = Progress::start();
    let _policy = NoServices::begin(Path::new(POLICY))?;
    progress.step("apt-get update");
    if let Err(error) = run(Command::new("apt-get").args(["update", "-q"])) {
        // Some source is out of reach; what we need may come from another.
        eprintln!("warning: {error:#}; going on with the package lists that are here");
    }
    progress.step(format!("apt-get install {}", debian_packages(missing)));
    run(Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "-y", "-q", "--no-install-recommends"])
        .args(debian_packages(missing).split(' ')))
}

/// What to say where we do not install by ourselves.
fn advice(missing: &[Program], here: Here) -> String {
    let names = words(missing, Program::name).join(" and ");
    let missing_is = if missing.len() == 1 { "is missing" } else { "are missing" };
    match here {
        Here::DebianAsRoot | Here::Debian => format!(
            "{names} {missing_is}; run\n\n    sudo apt-get install -y --no-install-recommends \
             {}\n\nand then this again",
            debian_packages(missing)
        ),
        Here::Mac => format!(
            "{names} {missing_is}; run\n\n    brew install {}\n\nand then this again",
            words(missing, Program::of_homebrew).join(" ")
        ),
        Here::Other => format!(
            "{names} {missing_is}; install {} with your system's packages, so that programs are on \
             PATH, and then run this again",
            words(missing, Program::what).join(" and ")
        ),
    }
}

fn debian_packages(missing: &[Program]) -> String {
    words(missing, Program::of_debian).join(" ")
}

fn words(programs: &[Program], word: fn(Program) -> &'static str) -> Vec<&'static str> {
    programs.iter().map(|it| word(*it)).collect()
}

/// Keeps Debian from starting the services that it installs, for as long as it lives: the tests
/// start servers of their own, and a port should not be taken on a developer's machine.
struct NoServices<'a> {
    /// The file that we made; `None` if there was one, which then decides.
    ours: Option<&'a Path>,
}

impl<'a> NoServices<'a> {
    fn begin(policy: &'a Path) -> Result<Self> {
        let what = || format!("could not write {}", policy.display());
        let mut file = match File::create_new(policy) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Ok(Self { ours: None });
            }
            Err(error) => return Err(error).with_context(what),
        };
        let this = Self { ours: Some(policy) };
        file.write_all(b"#!/bin/sh\nexit 101\n").with_context(what)?;
        file.set_permissions(fs::Permissions::from_mode(0o755)).with_context(what)?;
        Ok(this)
    }
}

impl Drop for NoServices<'_> {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.ours.map(fs::remove_file) {
            eprintln!("warning: could not remove {POLICY} again: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_advice_names_what_is_missing_and_the_command() {
        use Program::{Postgres, Redis};

        let both = advice(&[Postgres, Redis], Here::Debian);
        assert!(both.starts_with("PostgreSQL and Redis are missing"), "{both}");
        assert!(both.contains("--no-install-recommends postgresql redis-server\n"), "{both}");
        let one = advice(&[Redis], Here::Mac);
        assert!(one.starts_with("Redis is missing"), "{one}");
        assert!(one.contains("brew install redis\n"), "{one}");
        assert!(advice(&[Postgres], Here::Other).contains("`postgres` and `initdb`"));
    }

    #[test]
    fn services_are_held_back_for_a_while() {
        let policy = std::env::temp_dir().join(format!("latchkey-policy-{}", std::process::id()));
        let held = NoServices::begin(&policy).expect("written");
        assert_eq!(fs::read_to_string(&policy).expect("a script"), "#!/bin/sh\nexit 101\n");
        let second = NoServices::begin(&policy).expect("left alone");
        drop(second);
        assert!(policy.exists(), "the first one made it");
        drop(held);
        assert!(!policy.exists());
    }
}
