//! The web files of Express Audio, embedded in the binary that serves them.
//!
//! For now this is the server's start page; the browser SDK and the console page come with a later step.

/// A file to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebFile {
    /// Where: an absolute path.
    pub path: &'static str,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// What.
    pub bytes: &'static [u8],
}

/// The `Content-Security-Policy` that every file here keeps: nothing inline, nothing from elsewhere, no scripts, no frames.
pub const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// All files.
pub const FILES: &[WebFile] = &[
    WebFile {
        path: "/",
        content_type: "text/html; charset=utf-8",
        bytes: include_bytes!("../files/index.html"),
    },
    WebFile {
        path: "/style.css",
        content_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../files/style.css"),
    },
    WebFile {
        path: "/favicon.ico",
        content_type: "image/x-icon",
        bytes: include_bytes!("../files/favicon.ico"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str) -> &'static str {
        let file = FILES.iter().find(|file| file.path == path);
        std::str::from_utf8(file.map(|file| file.bytes).unwrap_or_default()).unwrap_or_default()
    }

    #[test]
    fn every_file_has_its_own_path_and_content() {
        for (index, file) in FILES.iter().enumerate() {
            assert!(file.path.starts_with('/') && !file.bytes.is_empty());
            assert!(FILES[..index].iter().all(|other| other.path != file.path));
        }
    }

    #[test]
    fn the_page_links_only_files_that_are_here() {
        let page = text("/");
        let links = page.split("href=\"").skip(1).chain(page.split("src=\"").skip(1));
        let mut count = 0;
        for link in links.filter_map(|rest| rest.split('"').next()) {
            assert!(FILES.iter().any(|file| file.path == link), "{link}");
            count += 1;
        }
        assert_eq!(count, 2);
    }

    #[test]
    fn the_page_needs_nothing_that_its_policy_forbids() {
        let page = text("/").to_ascii_lowercase();
        for forbidden in [
            "<script", "<style", "style=", "onclick", "onload", "<iframe", "<form", "http://", "https://",
        ] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn the_icon_is_an_icon_that_holds_a_png() {
        let icon = FILES
            .iter()
            .find(|file| file.path == "/favicon.ico")
            .map(|file| file.bytes)
            .unwrap_or_default();
        assert_eq!(icon[..4], [0, 0, 1, 0]);
        assert_eq!(icon[22..30], *b"\x89PNG\r\n\x1a\n");
    }
}
