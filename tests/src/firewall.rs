//! A machine behind a firewall: `tests/tools/netns.sh`, which needs root, iproute2 and iptables.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::processes::Process;

fn tool() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/netns.sh")
}

/// The machine inside; it goes, with all that runs there, when this is dropped.
#[derive(Debug)]
pub struct Inside {
    name: String,
    /// This machine's address, as seen from inside.
    pub outside: String,
    /// The address inside, as this machine reaches it.
    pub inside: String,
}

impl Inside {
    /// Makes one; nothing is blocked yet.
    ///
    /// # Panics
    /// Where no network namespace can be made, with the tool's own words.
    pub fn new(name: &str) -> Self {
        let mut inside = Self {
            name: format!("{name}-{}", std::process::id()),
            outside: String::new(),
            inside: String::new(),
        };
        let told = inside.run("up", &[]);
        let address = |name: &str| told.split_whitespace().find_map(|word| word.strip_prefix(name));
        inside.outside = address("OUTSIDE=").expect("netns.sh tells the address outside").to_owned();
        inside.inside = address("INSIDE=").expect("netns.sh tells the address inside").to_owned();
        inside
    }

    /// Drops all of `protocol` ("udp" or "tcp"), or what goes to or comes from a port out here.
    pub fn block(&self, protocol: &str, port: Option<u16>) {
        let port = port.map(|port| port.to_string());
        let arguments: Vec<&str> = [protocol].into_iter().chain(port.as_deref()).collect();
        self.run("block", &arguments);
    }

    /// Drops all that goes "in", or all that comes "out".
    pub fn block_one_way(&self, way: &str) {
        self.run("one-way", &[way]);
    }

    /// Lets everything pass again.
    pub fn unblock(&self) {
        self.run("unblock", &[]);
    }

    /// Pulls the cable of the machine inside; it keeps its address.
    pub fn cut(&self) {
        self.run("cut", &[]);
    }

    /// Puts the cable back.
    pub fn mend(&self) {
        self.run("mend", &[]);
    }

    /// Takes the address inside away and gives another at once; `last` is its last number, 11 to 14.
    pub fn change_address(&self, last: u8) {
        self.run("address", &[&last.to_string()]);
    }

    /// Hides the machine inside behind the firewall's address; before anything connects.
    pub fn hide(&self) {
        self.run("nat", &[]);
    }

    /// The firewall forgets its mappings: what comes from inside gets other ports.
    pub fn rebind(&self) {
        self.run("rebind", &[]);
    }

    /// Starts a program in there.
    pub fn start(&self, program: &Path, arguments: &[String], log: &Path) -> Process {
        let before = ["exec".to_owned(), self.name.clone(), program.display().to_string()];
        let arguments: Vec<String> = before.into_iter().chain(arguments.iter().cloned()).collect();
        Process::start(&tool(), &arguments, log)
    }

    fn run(&self, action: &str, arguments: &[&str]) -> String {
        let ran = Command::new(tool()).args([action, &self.name]).args(arguments).output();
        let ran = ran.expect("netns.sh can be run");
        let problem = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "a network namespace is needed for this test: {problem}");
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        // A second panic would hide the first.
        let _ = Command::new(tool()).args(["down", &self.name]).output();
    }
}
