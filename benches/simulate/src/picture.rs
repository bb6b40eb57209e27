//! The figures as SVG that follows a dark or light page.

use std::fmt::Write;

use crate::faults::Recovery;
use crate::figures::Traffic;
use crate::tables::short;

const WIDTH: f64 = 960.0;
const TOP: f64 = 64.0;
const STYLE: &str = r#"
 svg { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
 .card { fill: #ffffff; stroke: #d8dee4; } text { fill: #1f2328; } .quiet { fill: #59636e; } .grid { stroke: #e6eaef; }
 .title { font-size: 17px; font-weight: 600; } .panel { font-weight: 600; } .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
 .f0 { fill: #0b6bcb; } .f1 { fill: #12876f; } .f2 { fill: #a2590c; } .f3 { fill: #8250df; }
 .l0 { stroke: #0b6bcb; } .l1 { stroke: #a2590c; }
 @media (prefers-color-scheme: dark) {
  .card { fill: #0d1117; stroke: #30363d; } text { fill: #e6edf3; } .quiet { fill: #9198a1; } .grid { stroke: #21262d; }
  .f0 { fill: #58a6ff; } .f1 { fill: #3fcfae; } .f2 { fill: #e3a05a; } .f3 { fill: #bc8cff; }
  .l0 { stroke: #58a6ff; } .l1 { stroke: #e3a05a; }
 }
"#;

/// A drawing that grows; writing to a text cannot fail.
struct Drawing(String);

impl Drawing {
    fn new(height: f64, title: &str) -> Self {
        let mut drawing = Self(String::new());
        let size = format!(r#"viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}""#);
        let _ = writeln!(
            drawing.0,
            r#"<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="t">"#
        );
        let _ = writeln!(drawing.0, r#"<title id="t">{title}</title><style>{STYLE}</style>"#);
        let (width, tall) = (WIDTH - 1.0, height - 1.0);
        let _ = writeln!(
            drawing.0,
            r#"<rect class="card" x=".5" y=".5" width="{width}" height="{tall}" rx="10"/>"#
        );
        drawing.text(24.0, 34.0, "title", "start", title);
        drawing
    }

    fn text(&mut self, x: f64, y: f64, class: &str, anchor: &str, words: &str) {
        let words = words.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            self.0,
            r#"<text x="{x:.1}" y="{y:.1}" class="{class}" text-anchor="{anchor}">{words}</text>"#
        );
    }

    fn bar(&mut self, x: f64, y: f64, width: f64, class: &str) {
        let _ = writeln!(
            self.0,
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="15" rx="2"/>"#
        );
    }

    fn line(&mut self, points: &[(f64, f64)], class: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(self.0, r#"<polyline class="line {class}" points="{}"/>"#, points.join(" "));
    }

    fn end(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}

/// Messages in a second, by what they are, on a scale of powers of ten.
pub fn traffic(rows: &[Traffic]) -> String {
    const LEFT: f64 = 330.0;
    const SPAN: f64 = 500.0;
    const BLOCK: f64 = 104.0;
    let height = TOP + BLOCK * rows.len() as f64 + 44.0;
    let mut drawing = Drawing::new(height, "What goes over the broker in a second");
    let x = |rate: f64| SPAN * rate.max(1.0).log10() / 6.0;
    for power in 0..=6 {
        let at = LEFT + SPAN * f64::from(power) / 6.0;
        let (top, bottom) = (TOP - 6.0, height - 42.0);
        let _ = writeln!(drawing.0, r#"<path class="grid" d="M{at:.1} {top}V{bottom}"/>"#);
        drawing.text(at, height - 24.0, "quiet", "middle", &count_name(power));
    }
    for (index, row) in rows.iter().enumerate() {
        let y = TOP + BLOCK * index as f64;
        let name = format!("{} nodes", row.nodes);
        drawing.text(24.0, y + 20.0, "panel", "start", &name);
        drawing.text(
            24.0,
            y + 38.0,
            "quiet",
            "start",
            &format!("{} users", short(row.users as f64)),
        );
        let bars = [
            ("letters", row.letters),
            ("asked of the registry", row.reads + row.writes),
            ("renewals delivered", row.lease_deliveries),
            ("logins delivered", row.login_deliveries),
        ];
        for (number, (what, rate)) in bars.into_iter().enumerate() {
            let at = y + 20.0 * number as f64 + 8.0;
            drawing.text(LEFT - 10.0, at + 12.0, "quiet", "end", what);
            drawing.bar(LEFT, at, x(rate), &format!("f{number}"));
            drawing.text(LEFT + x(rate) + 6.0, at + 12.0, "", "start", &short(rate));
        }
    }
    drawing.end()
}

fn count_name(power: i32) -> String {
    short(10_f64.powi(power)).replace("1.0", "1")
}

/// How rooms come to agree and users come back, a panel for each fault.
pub fn recoveries(rows: &[Recovery]) -> String {
    const PANEL: (f64, f64) = (400.0, 120.0);
    const CELL: (f64, f64) = (470.0, 190.0);
    let lines = rows.len().div_ceil(2) as f64;
    let mut drawing = Drawing::new(TOP + CELL.1 * lines + 30.0, "How a cloud recovers");
    for (index, row) in rows.iter().enumerate() {
        let left = 30.0 + CELL.0 * (index % 2) as f64;
        let bottom = TOP + 30.0 + PANEL.1 + CELL.1 * (index / 2) as f64;
        let end = row.course.last().map_or(1.0, |(at, ..)| at.max(1.0));
        let compared = row.disagreed.1.max(1) as f64;
        let users = row.cloud.0.max(1) as f64;
        let shares = |part: &dyn Fn(&(f64, usize, usize)) -> f64| -> Vec<(f64, f64)> {
            row.course.iter().map(|look| (look.0, 100.0 * part(look))).collect()
        };
        let series = [
            shares(&|look| look.1 as f64 / compared),
            shares(&|look| look.2 as f64 / users),
        ];
        let most = series.iter().flatten().map(|(_, share)| *share).fold(0.1, f64::max);
        let _ = writeln!(drawing.0, r#"<path class="grid" d="M{left} {bottom}H{}"/>"#, left + PANEL.0);
        drawing.text(left, bottom - PANEL.1 - 12.0, "panel", "start", &row.what);
        for (number, line) in series.iter().enumerate() {
            let place = |(at, share): &(f64, f64)| (left + PANEL.0 * at / end, bottom - PANEL.1 * share / most);
            drawing.line(&line.iter().map(place).collect::<Vec<_>>(), &format!("l{number}"));
        }
        drawing.text(
            left + PANEL.0,
            bottom - PANEL.1 + 4.0,
            "quiet",
            "end",
            &format!("{most:.1} %"),
        );
        drawing.text(left, bottom + 18.0, "quiet", "start", "0 s");
        drawing.text(left + PANEL.0, bottom + 18.0, "quiet", "end", &format!("{end:.0} s"));
    }
    let y = TOP + CELL.1 * lines + 14.0;
    drawing.line(&[(30.0, y - 4.0), (60.0, y - 4.0)], "l0");
    drawing.text(68.0, y, "quiet", "start", "rooms about which nodes do not agree");
    drawing.line(&[(340.0, y - 4.0), (370.0, y - 4.0)], "l1");
    drawing.text(378.0, y, "quiet", "start", "users on their way back, each as a share of all");
    drawing.end()
}
