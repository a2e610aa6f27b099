//! How much one invocation works through: the platform gives it 2 s of CPU and 256 MB.

/// Bytes of text of an invocation.
const BYTES: usize = 10_000_000;
/// The most rows of a page …
const PAGE: u32 = 500;
/// … and those of the first, of which nothing is known yet.
const FIRST_PAGE: u32 = 100;
const SMALLEST_PAGE: u32 = 5;
/// About how many bytes of text a page is to have.
const PAGE_BYTES: usize = 1_500_000;

/// What is left of it.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    rows: u32,
    bytes: usize,
    page: u32,
}

impl Allowance {
    /// So many rows, and 10 MB of text.
    pub fn of(rows: u32) -> Self {
        Self { rows, bytes: BYTES, page: FIRST_PAGE }
    }

    /// Rows of the next page: as many as are about [`PAGE_BYTES`] when they are like the last. 0: it is used up.
    pub fn page(&self) -> u32 {
        if self.bytes == 0 { 0 } else { self.page.min(self.rows) }
    }

    /// A page was worked through: so many rows were looked at, with so many bytes of text.
    pub fn spend(&mut self, rows: u32, bytes: usize) {
        self.rows = self.rows.saturating_sub(rows.max(1));
        self.bytes = self.bytes.saturating_sub(bytes);
        let fitting = u32::try_from(PAGE_BYTES.saturating_mul(rows as usize) / bytes.max(1)).unwrap_or(PAGE);
        // What was small by chance must not make the next page large.
        self.page = fitting.min(self.page.saturating_mul(4)).clamp(SMALLEST_PAGE, PAGE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_fit_their_rows() {
        let mut allowance = Allowance::of(20_000);
        assert_eq!(allowance.page(), 100);
        allowance.spend(100, 50_000);
        assert_eq!(allowance.page(), 400, "at most four times the last");
        allowance.spend(400, 200_000);
        assert_eq!(allowance.page(), 500);
        allowance.spend(500, 9_000_000);
        assert_eq!(allowance.page(), 83);
        allowance.spend(1, 700_000);
        assert_eq!(allowance.page(), 5);
    }

    #[test]
    fn it_ends_by_rows_and_by_bytes() {
        let mut allowance = Allowance::of(20_000);
        let mut rows = 0;
        while allowance.page() > 0 {
            rows += allowance.page();
            allowance.spend(allowance.page(), 0);
        }
        assert_eq!(rows, 20_000);
        let mut allowance = Allowance::of(20_000);
        allowance.spend(10, BYTES);
        assert_eq!(allowance.page(), 0);
    }
}
