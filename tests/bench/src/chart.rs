//! A chart of bars with a mark on each, as SVG.

use std::fmt::Write as _;

/// One bar.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: f64,
    /// What it is to reach, or to stay within.
    pub(crate) mark: f64,
    /// Whether it does.
    pub(crate) is_met: bool,
    /// What stands behind it.
    pub(crate) note: String,
}

/// Pixels: of a line, of what stands before and behind the bars, of a ratio of 1.
const LINE: usize = 24;
const BEFORE: f64 = 240.0;
const BEHIND: f64 = 190.0;
const ONE: f64 = 420.0;

/// Draws bars from the left, each with its mark; beyond `most` nothing more is to be seen.
pub(crate) fn draw(bars: &[Bar], most: f64, caption: &str) -> String {
    let width = BEFORE + ONE * most + BEHIND;
    let height = (bars.len() + 2) * LINE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let one = BEFORE + ONE;
    // Writing to a string cannot fail.
    let _ = writeln!(
        svg,
        "<line x1=\"{one}\" y1=\"0\" x2=\"{one}\" y2=\"{}\" stroke=\"#999\" \
         stroke-dasharray=\"3\"/>",
        height - LINE
    );
    for (number, bar) in bars.iter().enumerate() {
        let top = number * LINE + 6;
        let (text, end) = (top + 14, BEFORE + bar.value.min(most) * ONE);
        let mark = BEFORE + bar.mark * ONE;
        let colour = if bar.is_met { "#3a7d44" } else { "#b3541e" };
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\">{}</text>\
             <rect x=\"{BEFORE}\" y=\"{top}\" width=\"{:.0}\" height=\"18\" fill=\"{colour}\"/>\
             <line x1=\"{mark:.0}\" y1=\"{}\" x2=\"{mark:.0}\" y2=\"{}\" stroke=\"black\" \
             stroke-width=\"2\"/>\
             <text x=\"{:.0}\" y=\"{text}\">{:.2}</text>\
             <text x=\"{:.0}\" y=\"{text}\" fill=\"#555\">{}</text>",
            BEFORE - 8.0,
            escaped(&bar.label),
            end - BEFORE,
            top - 2,
            top + 20,
            end + 6.0,
            bar.value,
            BEFORE + ONE * most + 40.0,
            escaped(&bar.note),
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{BEFORE}\" y=\"{}\" fill=\"#555\">{}</text>\n</svg>",
        height - 8,
        escaped(caption),
    );
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_ratio_and_says_whether_it_is_enough() {
        let bar = |value, is_met| {
            let (label, note) = ("a < b".to_owned(), String::new());
            Bar { label, value, mark: 0.5, is_met, note }
        };
        let svg = draw(&[bar(0.5, true), bar(0.25, false)], 1.2, "a caption");
        assert!(svg.contains("width=\"210\" height=\"18\" fill=\"#3a7d44\""), "{svg}");
        assert!(svg.contains("width=\"105\" height=\"18\" fill=\"#b3541e\""), "{svg}");
        assert!(
            svg.contains("a &lt; b") && svg.contains(">a caption<") && svg.ends_with("</svg>\n")
        );
    }
}
