//! Our own pictures as PNG, for where SVG is not shown.
//!
//! Nothing outside of the text is read: no file, no address, no font but those in here. Only the elements that our pictures
//! are made of are drawn, so that how long it takes goes with the length of the text, which is bounded.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::roxmltree::{Document, ParsingOptions};
use resvg::usvg::{FontResolver, ImageHrefResolver, Options, Tree};

/// Roboto, licensed under the Apache License 2.0: `data/fonts/LICENSE`.
const FONTS: [&[u8]; 2] =
    [include_bytes!("../data/fonts/Roboto-Regular.ttf"), include_bytes!("../data/fonts/Roboto-Medium.ttf")];

const MOST_TEXT: usize = 256 << 10;
const MOST_ELEMENTS: u32 = 10_000;
const WIDEST: u32 = 1_600;
const TALLEST: u32 = 2_000;
/// Bytes of the PNG.
const LARGEST: usize = 1 << 20;

const ELEMENTS: [&str; 10] = ["svg", "g", "title", "desc", "text", "tspan", "rect", "line", "circle", "path"];

/// A picture of at most 1600 x 2000 pixels and 1 MiB, or why there is none. It takes some tens of milliseconds of work.
pub fn png(svg: &str) -> Result<Vec<u8>, String> {
    if svg.len() > MOST_TEXT {
        return Err(format!("the picture's text is longer than {MOST_TEXT} bytes"));
    }
    let options = ParsingOptions { nodes_limit: MOST_ELEMENTS * 3, ..ParsingOptions::default() };
    let document = Document::parse_with_options(svg, options).map_err(|error| error.to_string())?;
    let stranger = document.descendants().filter(|node| node.is_element()).find(|element| {
        let plain =
            element.attributes().all(|a| a.name() != "href" && a.name() != "style" && !a.value().contains("url("));
        !ELEMENTS.contains(&element.tag_name().name()) || !plain
    });
    if let Some(element) = stranger {
        return Err(format!("our pictures have no such element: {}", element.tag_name().name()));
    }
    let tree = Tree::from_xmltree(&document, &drawing()).map_err(|error| error.to_string())?;
    let size = tree.size().to_int_size();
    if size.width() > WIDEST || size.height() > TALLEST {
        return Err(format!(
            "the picture is larger than {WIDEST} x {TALLEST}: {} x {}",
            size.width(),
            size.height()
        ));
    }
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or("the picture has no size")?;
    pixels.fill(Color::WHITE);
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    let png = pixels.encode_png().map_err(|error| error.to_string())?;
    if png.len() > LARGEST {
        return Err(format!("the picture is larger than {LARGEST} bytes: {}", png.len()));
    }
    Ok(png)
}

fn drawing() -> Options<'static> {
    static EMBEDDED: OnceLock<Arc<Database>> = OnceLock::new();
    let fonts = EMBEDDED.get_or_init(|| {
        let mut fonts = Database::new();
        for font in FONTS {
            fonts.load_font_data(font.to_vec());
        }
        // Whatever a text asks for, it ends with one of these.
        fonts.set_sans_serif_family("Roboto");
        fonts.set_serif_family("Roboto");
        Arc::new(fonts)
    });
    Options {
        resources_dir: None,
        font_family: "Roboto".into(),
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        font_resolver: FontResolver::default(),
        fontdb: fonts.clone(),
        ..Options::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(inner: &str) -> Pixmap {
        let svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"300\" height=\"100\" \
             font-family=\"Roboto, sans-serif\">{inner}</svg>"
        );
        Pixmap::decode_png(&png(&svg).unwrap()).unwrap()
    }

    fn dark(pixels: &Pixmap) -> usize {
        pixels.pixels().iter().filter(|pixel| pixel.red() < 128).count()
    }

    #[test]
    fn text_is_drawn_where_no_font_is_installed() {
        let pixels = drawn("<text x=\"10\" y=\"60\" font-size=\"40\">12 Oak</text>");
        assert_eq!((pixels.width(), pixels.height()), (300, 100));
        assert!((500..6_000).contains(&dark(&pixels)), "{}", dark(&pixels));
        // Whatever font is asked for.
        let other = drawn("<text x=\"10\" y=\"60\" font-size=\"40\" font-family=\"Comic Sans MS\">12 Oak</text>");
        assert!(dark(&other) > 500);
        let medium = drawn("<text x=\"10\" y=\"60\" font-size=\"40\" font-weight=\"500\">12 Oak</text>");
        assert!(dark(&medium) > dark(&pixels));
        assert_eq!(dark(&drawn("")), 0);
    }

    #[test]
    fn letters_that_no_font_has_break_nothing() {
        for text in [
            "\u{1f3e0}\u{1f469}\u{200d}\u{1f4bb}",
            "\u{5de5}\u{4e8b}",
            "\u{645}\u{631}\u{62d}\u{628}\u{627}",
            "e\u{301}\u{301}\u{301}",
            "\u{e000}\u{10ffff}",
            "\u{fb01}",
            " ",
        ] {
            drawn(&format!("<text x=\"10\" y=\"60\" font-size=\"40\">{text}</text>"));
        }
        for known in [
            "\u{e9}\u{fc}\u{f1}\u{df}\u{c6}\u{20ac}\u{a3}",
            "\u{2013}\u{2014}\u{2026}\u{b7}\u{201c}\u{201d}\u{2019}",
            "\u{ab}\u{bb}",
        ] {
            assert!(
                dark(&drawn(&format!("<text x=\"10\" y=\"60\" font-size=\"40\">{known}</text>"))) > 50,
                "{known}"
            );
        }
    }

    #[test]
    fn what_is_not_ours_or_too_large_is_not_drawn() {
        let refused = |svg: &str, why: &str| {
            let no = png(svg).unwrap_err();
            assert!(no.contains(why), "{no}");
        };
        let with = |inner: &str| {
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"9\" \
                 height=\"9\">{inner}</svg>"
            )
        };
        refused(&with("<image href=\"/etc/passwd\"/>"), "no such element: image");
        refused(&with("<g xlink:href=\"http://example.com/\"/>"), "no such element: g");
        refused(&with("<style>@import url(http://example.com/)</style>"), "no such element: style");
        refused(&with("<rect fill=\"url(#a)\" width=\"9\" height=\"9\"/>"), "no such element: rect");
        refused(&with("<filter/>"), "no such element: filter");
        refused(&with("<use/>"), "no such element: use");
        refused(&with(&"<g/>".repeat(40_000)), "imit");
        refused(&" ".repeat(300 << 10), "longer than");
        refused("", "root");
        refused("<svg", "");
        refused("<!DOCTYPE svg [<!ENTITY a \"b\">]><svg/>", "DTD");
        let sized = |wide: u64, tall: u64| {
            format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{tall}\"/>")
        };
        refused(&sized(1_601, 10), "larger than");
        refused(&sized(10, 2_001), "larger than");
        refused(&sized(99_999_999_999, 99_999_999_999), "larger than");
        assert!(png(&sized(1_600, 2_000)).is_ok());
        assert!(png(&sized(0, 0)).is_err());
    }
}
