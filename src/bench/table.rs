//! Reports as text: a line a case, and a table with a column a device.

use super::{LeftOut, Limit, Report, Roofline, Row};

/// What stands above the lines of [`line`].
pub fn header() -> String {
    format!(
        "{:<25}{:>7}{:>15}{:>8}{:>10}{:>9}{:>10}{:>7}",
        "case", "chains", "chain steps/s", "±", "flips/ns", "MAC/ns", "roofline", "busy"
    )
}

/// The figures of a case. ± is half of the distance between the quartiles.
pub fn line(row: &Row) -> String {
    let figure = |value: Option<f64>| value.map_or("–".into(), short);
    let spread = 50.0 * (row.seconds.high - row.seconds.low) / row.seconds.median;
    let percent = |share: Option<f64>| share.map_or("–".into(), percent);
    let mut line = format!(
        "{:<25}{:>7}{:>15}{:>8}{:>10}{:>9}{:>10}{:>7}",
        row.case,
        row.chains,
        row.steps_per_second.map_or("–".into(), |rate| grouped(rate, 4)),
        format!("{spread:.0} %"),
        figure(row.flips_per_ns),
        figure(row.macs_per_ns),
        percent(row.roofline_share),
        percent(row.busy_share),
    );
    for remark in remarks(row) {
        line.push_str("  ");
        line.push_str(&remark);
    }
    line
}

/// What a case has beyond the columns.
fn remarks(row: &Row) -> Vec<String> {
    let mut remarks = Vec::new();
    if row.limit == Some(Limit::Memory) {
        remarks.push("limit: memory".into());
    }
    if let Some(updates) = row.updates_per_second {
        remarks.push(format!("{} updates/s", grouped(updates, 4)));
    }
    if let Some(activity) = row.activity.filter(|activity| activity.hidden < 0.4) {
        let (visible, hidden) = (100.0 * activity.visible, 100.0 * activity.hidden);
        remarks.push(format!("{visible:.0} and {hidden:.0} % on"));
    }
    if row.steps_per_second.is_none() {
        remarks.push(format!("{:.0} ms", 1e3 * row.seconds.median));
    }
    remarks
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:<25}{:>7}  left out: {}", self.case, self.chains, self.why)
    }
}

impl std::fmt::Display for Roofline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "roofline: {} GFLOP/s", short(self.gflops))?;
        if let Some([n, k, m]) = self.product {
            write!(f, " (a product {n} x {k} x {m})")?;
        }
        write!(f, ", {} GB/s (a copy)", short(self.gbytes_per_s))
    }
}

/// Names for reports: the device, with a number where two are the same.
pub(super) fn names(reports: &[Report]) -> Vec<String> {
    let name = |place: usize| {
        let device = &reports[place].device;
        let same = |other: &&Report| other.device == *device;
        match reports.iter().filter(same).count() {
            1 => device.clone(),
            _ => format!("{device} ({})", reports[..=place].iter().filter(same).count()),
        }
    };
    (0..reports.len()).map(name).collect()
}

/// A table in Markdown with a column a device: chain steps a second, and in brackets the share of that
/// device's roofline and the share of the time that it was busy, where it can tell. Cases come in the order of the first report that has them.
pub fn merged_table(reports: &[Report]) -> String {
    let mut keys: Vec<(&str, usize)> = Vec::new();
    for row in reports.iter().flat_map(|report| &report.cases) {
        if !keys.contains(&(&*row.case, row.chains)) {
            keys.push((&row.case, row.chains));
        }
    }
    // Counts of a case stand together, whichever report they come from.
    let mut cases: Vec<&str> = Vec::new();
    keys.iter().for_each(|(case, _)| {
        if !cases.contains(case) {
            cases.push(case);
        }
    });
    let place = |case: &str| cases.iter().position(|other| *other == case);
    keys.sort_by_key(|(case, chains)| (place(case), *chains));
    let cell = |report: &Report, (case, chains): (&str, usize)| {
        let row = report.cases.iter().find(|row| row.case == case && row.chains == chains);
        let Some(row) = row else { return "–".into() };
        let Some(rate) = row.steps_per_second else {
            return format!("{:.0} ms", 1e3 * row.seconds.median);
        };
        let busy = row.busy_share.map(|share| format!("busy {}", percent(share)));
        let shares: Vec<String> = row.roofline_share.map(percent).into_iter().chain(busy).collect();
        match &shares[..] {
            [] => grouped(rate, 3),
            shares => format!("{} ({})", grouped(rate, 3), shares.join(", ")),
        }
    };
    // A bar in a name would end its cell.
    let names = names(reports).into_iter().map(|name| name.replace('|', "/"));
    let mut rows = vec![
        ["case".into(), "chains".into()].into_iter().chain(names).collect::<Vec<String>>(),
        ["roofline".to_string(), String::new()]
            .into_iter()
            .chain(reports.iter().map(|report| {
                let Roofline { gflops, gbytes_per_s, .. } = report.roofline;
                format!("{} GFLOP/s, {} GB/s", short(gflops), short(gbytes_per_s))
            }))
            .collect(),
    ];
    rows.extend(keys.iter().map(|key| {
        let figures = reports.iter().map(|report| cell(report, *key));
        [key.0.replace('|', "/"), key.1.to_string()].into_iter().chain(figures).collect()
    }));
    aligned(&rows)
}

/// Rows as Markdown, the first above the rule; columns after the first are flush right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
            format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
        })
        .collect();
    let rule = widths.iter().enumerate().map(|(column, width)| match column {
        0 => "-".repeat(*width),
        _ => format!("{}:", "-".repeat(width - 1)),
    });
    lines.insert(1, format!("| {} |", rule.collect::<Vec<_>>().join(" | ")));
    lines.join("\n")
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}

/// A number to three significant digits, whole from 100 on.
pub(super) fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    format!("{value:.decimals$}")
}

/// A whole number with commas, to some significant digits.
pub(super) fn grouped(value: f64, digits: i32) -> String {
    if !(value.is_finite() && value >= 100.0) {
        return short(value);
    }
    let unit = 10f64.powi((value.log10().floor() as i32 + 1 - digits).max(0));
    let text = format!("{:.0}", (value / unit).round() * unit);
    let mut grouped = String::new();
    for (place, digit) in text.chars().enumerate() {
        if place > 0 && (text.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Spread, Timing, cases::CASES};

    fn report(device: &str, counts: &[usize]) -> Report {
        let roofline = Roofline { gflops: 200.0, gbytes_per_s: 10.0, product: None };
        let row = |chains: &usize| {
            Row::new(&CASES[1], *chains, &Timing::new(10, vec![0.01; 3]), None, &roofline)
        };
        Report {
            version: String::new(),
            device: device.into(),
            quick: false,
            roofline,
            cases: counts.iter().map(row).collect(),
            left_out: Vec::new(),
        }
    }

    #[test]
    fn numbers_are_short_and_grouped() {
        assert_eq!(
            [0.0, 0.01234, 2.71, 31.4159, 314.159].map(short),
            ["0", "0.0123", "2.71", "31.4", "314"]
        );
        assert_eq!(grouped(1_234_567.0, 4), "1,235,000");
        assert_eq!(grouped(999_999.0, 3), "1,000,000");
        assert_eq!(grouped(123.4, 4), "123");
        assert_eq!(grouped(f64::NAN, 4), "NaN");
    }

    #[test]
    fn devices_stand_side_by_side() {
        let mut reports = [report("A | b", &[64, 1000]), report("C", &[256, 1000])];
        reports[1].cases[1].busy_share = Some(0.456);
        let table = merged_table(&reports);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 6, "{table}");
        assert!(lines[0].contains("A / b") && lines[0].contains("C"), "{table}");
        let cells: Vec<&str> = lines[5].split('|').map(str::trim).collect();
        assert_eq!(
            cells[1..5],
            ["gibbs-784-500", "1000", "100,000 (78 %)", "100,000 (78 %, busy 46 %)"]
        );
        let cells: Vec<&str> = lines[4].split('|').map(str::trim).collect();
        assert_eq!(cells[2..5], ["256", "–", "25,600 (20 %)"]);
        assert!(lines.iter().all(|line| line.chars().count() == lines[0].chars().count()));
        assert_eq!(names(&[report("C", &[]), report("C", &[])]), ["C (1)", "C (2)"]);
    }

    #[test]
    fn a_line_says_what_was_measured() {
        let mut row = report("C", &[1000]).cases.remove(0);
        assert!(line(&row).contains("100,000") && line(&row).contains("78 %"), "{}", line(&row));
        assert!(line(&row).ends_with('–'), "{}", line(&row));
        row.busy_share = Some(0.456);
        assert!(line(&row).ends_with("46 %"), "{}", line(&row));
        assert_eq!(header().chars().count(), line(&row).chars().count());
        row.steps_per_second = None;
        row.seconds = Spread { low: 0.03, median: 0.031, high: 0.032 };
        assert!(line(&row).ends_with("31 ms"), "{}", line(&row));
    }
}
