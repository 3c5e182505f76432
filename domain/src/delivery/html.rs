//! Plain text as a page for mail programs that draw.

/// The same words: paragraphs between empty lines, lists of lines that start with `- `, everything else as it is written.
///
/// Letters are approved by a hash over these bytes: another form would be another letter.
pub fn page(text: &str) -> String {
    let mut page = String::from("<!doctype html>\n<html lang=\"en\"><body>\n");
    for block in text.split("\n\n").map(str::trim).filter(|block| !block.is_empty()) {
        let mut open = "";
        for line in block.lines() {
            let (tag, line) = match line.strip_prefix("- ") {
                Some(item) => ("ul", item),
                None => ("p", line),
            };
            if open != tag {
                close(&mut page, open);
                page.push_str(&format!("<{tag}>"));
                open = tag;
            } else if tag == "p" {
                page.push_str("<br>\n");
            }
            let line = escaped(line);
            page.push_str(&if tag == "ul" { format!("\n<li>{line}</li>") } else { line });
        }
        close(&mut page, open);
    }
    page.push_str("</body></html>\n");
    page
}

fn close(page: &mut String, tag: &str) {
    match tag {
        "" => {}
        "ul" => page.push_str("\n</ul>\n"),
        tag => page.push_str(&format!("</{tag}>\n")),
    }
}

/// Text as HTML shows it literally, also inside of an attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_follows_the_text() {
        insta::assert_snapshot!(
            page("Hello Ann,\n\nTwo things:\n- one & two\n- <b>three</b>\n\nBye,\nMilepost"),
            @r#"
        <!doctype html>
        <html lang="en"><body>
        <p>Hello Ann,</p>
        <p>Two things:</p>
        <ul>
        <li>one &amp; two</li>
        <li>&lt;b&gt;three&lt;/b&gt;</li>
        </ul>
        <p>Bye,<br>
        Milepost</p>
        </body></html>
        "#
        );
    }
}
