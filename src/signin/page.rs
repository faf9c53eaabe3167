//! What the browser shows at the end: one page without scripts, fonts or images from elsewhere.

use crate::known_secrets::hide;
use crate::text::printable_lines;

/// The end of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// The token is saved.
    SignedIn { session: String },
    /// There is no token; why.
    Failed { session: String, why: String },
}

impl Page {
    /// The document.
    pub(super) fn html(&self) -> String {
        let (mark, color, title, text) = match self {
            Self::SignedIn { session } => (
                "✓",
                "#1a7f4b",
                "You are signed in",
                format!(
                    "awsfresh has credentials for <b>{}</b>. You can close this page and go back \
                    to the terminal.",
                    escaped(session)
                ),
            ),
            Self::Failed { session, why } => (
                "✕",
                "#b3261e",
                "You are not signed in",
                format!(
                    "The sign-in to <b>{}</b> failed.</p><p class=\"why\">{}</p><p>The terminal \
                    says what to do.",
                    escaped(session),
                    escaped(why)
                ),
            ),
        };
        format!(
            "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta name=\"color-scheme\" content=\"light dark\">
<title>{title} · awsfresh</title>
<style>
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center;
  font: 1rem/1.5 system-ui, sans-serif; background: light-dark(#f3f4f6, #16181c);
  color: light-dark(#1f2328, #e6e8eb); }}
main {{ max-width: 26rem; margin: 1.5rem; padding: 2.5rem; border-radius: 1rem; text-align: center;
  background: light-dark(#fff, #22252b); box-shadow: 0 1px 3px #0003, 0 8px 24px #0001; }}
.mark {{ width: 3.5rem; height: 3.5rem; margin: 0 auto 1.25rem; border-radius: 50%; display: grid;
  place-items: center; font-size: 1.75rem; color: #fff; background: {color}; }}
h1 {{ font-size: 1.375rem; margin: 0 0 .75rem; }}
p {{ margin: 0 0 .75rem; }}
.why {{ overflow-wrap: anywhere; padding: .75rem; border-radius: .5rem;
  background: light-dark(#f3f4f6, #16181c); }}
</style>
</head>
<body><main><div class=\"mark\" aria-hidden=\"true\">{mark}</div><h1>{title}</h1><p>{text}</p></main></body>
</html>
"
        )
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable_lines(&hide(text)).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_escaped() {
        let page = Page::Failed {
            session: "<corp>".into(),
            why: "<script>alert('x')</script> & \"more\"".into(),
        };
        let html = page.html();
        assert!(html.contains("&lt;corp&gt;"), "{html}");
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("&#39;x&#39;") && html.contains("&amp; &quot;more&quot;"));
    }
}
