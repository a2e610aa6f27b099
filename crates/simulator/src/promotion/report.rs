//! Tables, what was promised and whether it is met, and the JSON file.

use std::{fs, io};

use serde_json::{Value, json};

use super::{Set, Wish, picture};

pub const FOLDER: &str = "target/simulator";

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Text(String),
    /// 0 to 1, shown as percent.
    Share(f64),
    Number(f64),
    None,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl Cell {
    fn show(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Share(share) => format!("{:.2} %", 100.0 * share),
            Self::Number(n) if n.fract() == 0.0 || n.abs() >= 1_000.0 => format!("{n:.0}"),
            Self::Number(n) => format!("{n:.2}"),
            Self::None => "–".to_owned(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Share(n) | Self::Number(n) => json!(n),
            Self::None => Value::Null,
        }
    }
}

/// A table; its first column is text.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: &'static str,
    pub title: &'static str,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

/// Something promised.
#[derive(Debug, Clone)]
pub struct Promise {
    pub what: String,
    pub figure: String,
    pub met: bool,
}

/// All that was measured.
#[derive(Debug, Clone)]
pub struct Report {
    loops: u64,
    set: Set,
    pub tables: Vec<Table>,
    pub promises: Vec<Promise>,
}

impl Report {
    pub fn new(wish: &Wish) -> Self {
        Self { loops: wish.loops, set: wish.set, tables: Vec::new(), promises: Vec::new() }
    }

    /// Nothing that was not asked for.
    pub fn table(&mut self, name: &'static str, title: &'static str, columns: &[&str], rows: Vec<Vec<Cell>>) {
        if !rows.is_empty() {
            let columns = columns.iter().map(|c| (*c).to_owned()).collect();
            self.tables.push(Table { name, title, columns, rows });
        }
    }

    pub fn promise(&mut self, what: impl Into<String>, figure: impl Into<String>, met: bool) {
        self.promises.push(Promise { what: what.into(), figure: figure.into(), met });
    }

    pub fn print(&self, out: &mut impl io::Write) -> io::Result<()> {
        writeln!(out, "Rules of the worlds: crates/simulator/README.md. Loops a world: {}.", self.loops)?;
        writeln!(out, "Seeds: {}.", self.set_name())?;
        for table in &self.tables {
            print_table(out, table)?;
        }
        writeln!(out, "\nWhat is promised")?;
        for Promise { what, figure, met } in &self.promises {
            writeln!(out, "  {:<7} {what}: {figure}", if *met { "met" } else { "NOT MET" })?;
        }
        writeln!(out)
    }

    fn set_name(&self) -> &'static str {
        match self.set {
            Set::Tuning => "tuning",
            Set::Reported => "reported",
        }
    }

    pub fn write(&self, out: &mut impl io::Write) -> io::Result<()> {
        let tables: Vec<Value> = self.tables.iter().map(table_json).collect();
        let promises: Vec<Value> =
            self.promises.iter().map(|p| json!({"what": p.what, "figure": p.figure, "met": p.met})).collect();
        let report = json!({
            "loops": self.loops, "set": self.set_name(), "tables": tables, "promises": promises,
        });
        fs::create_dir_all(FOLDER)?;
        fs::write(format!("{FOLDER}/promotion.json"), format!("{report:#}\n"))?;
        fs::write(format!("{FOLDER}/promotion.svg"), picture::draw(&self.tables))?;
        writeln!(out, "written: {FOLDER}/promotion.json, {FOLDER}/promotion.svg")
    }
}

pub fn table_json(table: &Table) -> Value {
    let rows: Vec<Value> = table
        .rows
        .iter()
        .map(|row| table.columns.iter().zip(row).map(|(name, cell)| (name.clone(), cell.json())).collect())
        .collect();
    json!({"name": table.name, "title": table.title, "rows": rows})
}

pub fn print_table(out: &mut impl io::Write, table: &Table) -> io::Result<()> {
    writeln!(out, "\n{}", table.title)?;
    let rows: Vec<Vec<String>> = table.rows.iter().map(|row| row.iter().map(Cell::show).collect()).collect();
    let width = |i: usize| {
        let cells = rows.iter().filter_map(|row| row.get(i)).chain(table.columns.get(i));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..table.columns.len()).map(width).collect();
    for row in std::iter::once(&table.columns).chain(&rows) {
        for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if i < 2 { write!(out, "  {cell:<width$}")? } else { write!(out, "  {cell:>width$}")? }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The middle one, of those that came to an end; `None` where fewer than half did.
pub fn median(times: impl Iterator<Item = Option<u32>>) -> Cell {
    let mut times: Vec<u32> = times.map(|time| time.unwrap_or(u32::MAX)).collect();
    times.sort_unstable();
    times.get(times.len() / 2).filter(|t| **t < u32::MAX).map_or(Cell::None, |t| Cell::Number(f64::from(*t)))
}

/// The middle one of those that came to an end.
pub fn median_of_some(times: impl Iterator<Item = Option<u32>>) -> Cell {
    median(times.flatten().map(Some))
}

/// How many of all, 0 to 1.
pub fn share<T>(all: &[T], of: impl Fn(&T) -> bool) -> f64 {
    count(all, of) as f64 / all.len().max(1) as f64
}

pub fn count<T>(all: &[T], of: impl Fn(&T) -> bool) -> usize {
    all.iter().filter(|one| of(one)).count()
}
