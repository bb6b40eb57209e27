//! docs/api.md, docs/differences.md and docs/threat-model.md name tests and items that exist.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const PAGES: [&str; 3] = ["docs/api.md", "docs/differences.md", "docs/threat-model.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of all Rust sources below `folder`, tests included, but for what is built.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with("target") && !name.starts_with('.') {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

/// Words as Rust has them, paths included.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.split(move |c: char| !is_part(c)).map(|word| word.trim_matches(':'))
}

/// A page's text outside and inside of backticks.
fn prose_and_code(page: &str) -> (String, String) {
    let (mut prose, mut code) = (String::new(), String::new());
    for (number, part) in page.split('`').enumerate() {
        let to = if number % 2 == 0 { &mut prose } else { &mut code };
        to.push_str(part);
        to.push(' ');
    }
    (prose, code)
}

#[test]
fn every_test_and_every_item_that_the_pages_name_exists() {
    let mut text = String::new();
    sources(&root(), &mut text);
    let functions: BTreeSet<&str> = text.split("fn ").filter_map(|rest| paths(rest).next()).collect();
    let words: BTreeSet<&str> = paths(&text).flat_map(|path| path.split("::")).collect();
    let mut missing = Vec::new();
    let mut checked = 0;
    for page in PAGES {
        let content = fs::read_to_string(root().join(page)).unwrap();
        let (prose, code) = prose_and_code(&content);
        let tests = paths(&prose).filter_map(|path| path.rsplit_once("::"));
        for (_, name) in tests {
            checked += 1;
            if !functions.contains(name) {
                missing.push(format!("{page}: test {name}"));
            }
        }
        for item in paths(&code).filter(|path| path.contains("::") && path.starts_with(|c: char| c.is_ascii_uppercase())) {
            checked += 1;
            missing.extend(
                item.split("::")
                    .filter(|part| !words.contains(part))
                    .map(|part| format!("{page}: {item}: {part}")),
            );
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(
        checked > 200,
        "{checked} names are too few: the pages are read in a wrong way"
    );
}

#[test]
fn every_case_that_the_pages_name_exists() {
    let mut checked = 0;
    for page in PAGES {
        let content = fs::read_to_string(root().join(page)).unwrap();
        for line in content.lines().filter(|line| line.starts_with('|')) {
            for list in line.split([';', '|']).map(str::trim) {
                let Some(names) = list.strip_prefix("cases ").or_else(|| list.strip_prefix("case ")) else {
                    continue;
                };
                for name in names.split(',').map(str::trim).filter(|name| !name.contains([' ', '`'])) {
                    checked += 1;
                    let file = root().join("tests/cases").join(name).with_extension("json");
                    assert!(file.is_file(), "{page} names the case {name}");
                }
            }
        }
    }
    assert!(checked > 20, "{checked} cases are too few: the pages are read in a wrong way");
}
