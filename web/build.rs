//! Lists the files under `console/`, `sdk/` and `files/` for `src/lib.rs` to embed, so that a new file needs no line of code.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// Folders of files to serve, and the path each is served below.
const FOLDERS: [(&str, &str); 3] = [("console", "/console/"), ("sdk", "/sdk/"), ("files", "/")];

/// The start page stands in its folder like any other file, but is served as `/`.
const START_PAGE: &str = "/console/index.html";

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let mut entries = Vec::new();
    for (folder, below) in FOLDERS {
        println!("cargo::rerun-if-changed={folder}");
        list(&root.join(folder), below, &mut entries)?;
    }
    entries.sort();
    let mut code = String::from("&[\n");
    for (path, file) in &entries {
        let content_type = content_type(file)?;
        code += &format!(
            "    WebFile {{ path: {path:?}, content_type: {content_type:?}, bytes: include_bytes!({:?}) }},\n",
            file.display().to_string()
        );
    }
    code += "]\n";
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("files.rs"), code)
}

/// Adds every file below `folder` with the path it is served at; what is for developers only stays out.
fn list(folder: &Path, below: &str, entries: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry
            .file_name()
            .into_string()
            .map_err(|name| io::Error::other(format!("{}: a name that is not UTF-8", name.display())))?;
        let path = format!("{below}{name}");
        if entry.file_type()?.is_dir() {
            if name != "tests" {
                list(&entry.path(), &format!("{path}/"), entries)?;
            }
        } else if !name.ends_with(".md") && !name.starts_with('.') {
            let path = if path == START_PAGE { "/".into() } else { path };
            entries.push((path, entry.path()));
        }
    }
    Ok(())
}

/// The `Content-Type` of a file, by its extension; an unknown one fails the build rather than being guessed by browsers.
fn content_type(file: &Path) -> io::Result<&'static str> {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or("");
    Ok(match extension {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        // Type declarations are read, not run; licences carry no extension.
        "ts" | "txt" | "" => "text/plain; charset=utf-8",
        other => {
            return Err(io::Error::other(format!(
                "{}: no content type for .{other}; add it in web/build.rs",
                file.display()
            )));
        }
    })
}
