//! False promotions of all deciders, world by world.

use std::fmt::Write as _;

use super::report::{Cell, Table};

const COLOURS: [(&str, &str); 4] =
    [("naive", "#c0392b"), ("z-test", "#e07a1f"), ("plug-in", "#8e44ad"), ("Pawl: evidence", "#1b6ca8")];
/// Left edge and width of the plot, its top, and a row's height.
const LEFT: f64 = 210.0;
const WIDTH: f64 = 560.0;
const TOP: f64 = 64.0;
const ROW: f64 = 22.0;
/// Powers of ten of the shares at both ends.
const RANGE: (f64, f64) = (-4.0, 0.0);

pub fn draw(tables: &[Table]) -> String {
    let worlds: Vec<(&Table, &Vec<Cell>)> = tables
        .iter()
        .filter(|table| table.name.ends_with("_nothing"))
        .flat_map(|table| table.rows.iter().map(move |row| (table, row)))
        .collect();
    let bottom = TOP + ROW * worlds.len() as f64;
    let (width, height) = (LEFT + WIDTH + 30.0, bottom + 40.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n\
         <text x=\"12\" y=\"22\" font-size=\"15\">Promoted although nothing is better, looked at after every \
         observation (level 1 %)</text>\n"
    );
    for (i, (name, colour)) in COLOURS.iter().enumerate() {
        let x = LEFT + 130.0 * i as f64;
        let _ = writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"42\" r=\"5\" fill=\"{colour}\"/><text x=\"{}\" y=\"46\">{name}</text>",
            x + 10.0
        );
    }
    for (power, label) in [(-4, "0.01 %"), (-3, "0.1 %"), (-2, "1 %"), (-1, "10 %"), (0, "100 %")] {
        let x = place(10_f64.powi(power));
        let stroke = if power == -2 { "#333333" } else { "#dddddd" };
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"{stroke}\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            bottom + 18.0
        );
    }
    for (i, (table, row)) in worlds.iter().enumerate() {
        let y = TOP + ROW * (i as f64 + 0.5);
        if let Some(Cell::Text(name)) = row.first() {
            let _ = writeln!(svg, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>", LEFT - 10.0, y + 4.0);
        }
        for (name, colour) in COLOURS {
            let at = table.columns.iter().position(|column| column == name);
            if let Some(Cell::Share(share)) = at.and_then(|at| row.get(at)) {
                let x = place(*share);
                let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{colour}\"/>");
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// On a scale of powers of ten; what is less stands at its beginning.
fn place(share: f64) -> f64 {
    let (low, high) = RANGE;
    LEFT + WIDTH * (share.max(10_f64.powf(low)).log10().clamp(low, high) - low) / (high - low)
}
