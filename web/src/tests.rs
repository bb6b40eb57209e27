use super::*;

fn text(file: &WebFile) -> &'static str {
    std::str::from_utf8(file.bytes).expect("the file is UTF-8")
}

fn find(path: &str) -> Option<&'static WebFile> {
    FILES.iter().find(|file| file.path == path)
}

fn of_type(content_type: &'static str) -> impl Iterator<Item = &'static WebFile> {
    FILES.iter().filter(move |file| file.content_type.starts_with(content_type))
}

/// What stands between `before` and the next quotation mark of its kind, each time.
fn quoted_behind<'a>(text: &'a str, before: &'static str) -> impl Iterator<Item = &'a str> {
    let quote = before.chars().last().expect("it ends with the quotation mark");
    text.split(before).skip(1).filter_map(move |rest| rest.split(quote).next())
}

/// The path that `link` means in the file at `from`.
fn resolve(from: &str, link: &str) -> String {
    if link.starts_with('/') {
        return link.into();
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// What a module imports: the texts of `from "..."`, `import "..."` and `import("...")`.
fn imports(module: &str) -> Vec<&str> {
    ["from \"", "from '", "import \"", "import '", "import(\"", "import('"]
        .into_iter()
        .flat_map(|before| quoted_behind(module, before))
        .filter(|path| path.starts_with(['.', '/']))
        .collect()
}

#[test]
fn every_file_has_its_own_path_and_content() {
    for pair in FILES.windows(2) {
        assert!(pair[0].path < pair[1].path, "{} and {}", pair[0].path, pair[1].path);
    }
    for file in FILES {
        assert!(file.path.starts_with('/') && !file.bytes.is_empty(), "{}", file.path);
    }
}

#[test]
fn nothing_for_developers_is_served() {
    for file in FILES {
        assert!(!file.path.contains("/tests/") && !file.path.ends_with(".md"), "{}", file.path);
    }
}

#[test]
fn the_pages_link_only_files_that_are_here() {
    let mut count = 0;
    for page in of_type("text/html") {
        let links = quoted_behind(text(page), "href=\"").chain(quoted_behind(text(page), "src=\""));
        for link in links.filter(|link| !link.starts_with('#')) {
            assert!(find(&resolve(page.path, link)).is_some(), "{} links {link}", page.path);
            count += 1;
        }
    }
    assert!(count >= 2, "a page has a style and an icon");
}

#[test]
fn every_module_imports_only_modules_that_are_here() {
    for module in of_type("text/javascript") {
        for import in imports(text(module)) {
            let path = resolve(module.path, import);
            let found = find(&path).is_some_and(|file| file.content_type == module.content_type);
            assert!(found, "{} imports {import}", module.path);
        }
    }
}

#[test]
fn the_sdk_imports_nothing_from_outside_itself() {
    for module in of_type("text/javascript").filter(|module| module.is_for_all_origins()) {
        for import in imports(text(module)) {
            let path = resolve(module.path, import);
            assert!(path.starts_with("/sdk/"), "{} imports {import}", module.path);
        }
    }
}

#[test]
fn the_pages_need_nothing_that_their_policy_forbids() {
    for page in of_type("text/html") {
        let page = text(page).to_ascii_lowercase();
        for script in page.split("<script").skip(1) {
            let (tag, body) = script.split_once('>').expect("the tag ends");
            assert!(
                tag.contains(" src=\"") && body.trim_start().starts_with("</script"),
                "an inline script"
            );
        }
        for forbidden in [
            "<style",
            "style=",
            " onclick",
            " onload",
            " onerror",
            "<iframe",
            "<base",
            "javascript:",
            "http://",
            "https://",
        ] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}

#[test]
fn the_modules_evaluate_no_text_and_write_no_markup() {
    for module in of_type("text/javascript").filter(|module| !module.path.contains("/vendor/")) {
        let code = text(module);
        for forbidden in [
            "eval(",
            "new Function",
            ".innerHTML",
            ".outerHTML",
            "insertAdjacentHTML",
            "document.write",
        ] {
            assert!(!code.contains(forbidden), "{}: {forbidden}", module.path);
        }
    }
}

#[test]
fn an_import_is_found_however_it_is_written_and_resolved_from_its_file() {
    let module = "import { a } from \"./a.js\";\nexport * from '../b.js';\nimport \"/c.js\";\nawait import('./d/e.js');\nimport x from \"bare\";";
    let mut found: Vec<String> = imports(module)
        .into_iter()
        .map(|path| resolve("/sdk/room/x.js", path))
        .collect();
    found.sort();
    assert_eq!(found, ["/c.js", "/sdk/b.js", "/sdk/room/a.js", "/sdk/room/d/e.js"]);
}

#[test]
fn the_icon_is_an_icon_that_holds_a_png() {
    let icon = find("/favicon.ico").map(|file| file.bytes).unwrap_or_default();
    assert_eq!(icon[..4], [0, 0, 1, 0]);
    assert_eq!(icon[22..30], *b"\x89PNG\r\n\x1a\n");
}
