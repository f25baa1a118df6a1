//! Rows of bits, four of which name one of sixteen choices; see `bits.rs`.

use super::instructions::Instructions;

/// Units of a group, whose bits name a choice.
pub(super) const UNITS: usize = 4;
/// Choices of a group.
pub(super) const SUMS: usize = 1 << UNITS;
/// Groups of a block.
pub(super) const GROUPS: usize = 8;
/// Up to this share of ones, 1 / `SPARSE`, the rows of W that they select are summed one by one.
const SPARSE: usize = 6;

/// The rows of a tile that hold only zeros and ones.
pub(super) struct BitRows {
    /// Rows of the tile, these and others.
    pub m: usize,
    /// Units of a row. Group g has the units g, g + Q, g + 2Q and g + 3Q, where 4Q is this number
    /// rounded up.
    pub units: usize,
    /// Places in the tile of those with many ones.
    pub rows: Vec<u32>,
    /// `[blocks, m]`: of every group of a block the place of its choice in the block's table, where
    /// the lowest bit is the first unit's.
    pub choices: Vec<[u8; GROUPS]>,
    /// Places in the tile of those with few ones, and where these end in `ones`.
    pub sparse: Vec<(u32, usize)>,
    /// Units.
    pub ones: Vec<u32>,
}

/// What there is to know of a row before it is sorted in.
#[derive(Clone, Copy, Default)]
struct Found {
    /// Not 0 if a value is neither 0 nor 1.
    others: u32,
    /// Values other than 0.
    count: u32,
}

impl BitRows {
    /// Looks through rows of `units` values.
    pub fn of_rows(set: Instructions, x: &[f32], units: usize) -> Self {
        let quarter = units.div_ceil(UNITS);
        let mut tile = Self::new(x.len() / units, units);
        let mut found = vec![Found::default(); tile.m];
        let mut whole = vec![0.0; UNITS * quarter];
        let mut row_choices = vec![0; quarter.next_multiple_of(GROUPS)];
        for (row, (x, found)) in x.chunks_exact(units).zip(&mut found).enumerate() {
            let x = if units.is_multiple_of(UNITS) {
                x
            } else {
                whole[..units].copy_from_slice(x);
                &whole
            };
            set.vectorize(
                #[inline(always)]
                || {
                    *found = choose(x, &mut row_choices[..quarter]);
                    let blocks = row_choices.as_chunks::<GROUPS>().0.iter().enumerate();
                    for (block, choices) in blocks {
                        let places = &mut tile.choices[block * tile.m + row];
                        for (group, (place, choice)) in places.iter_mut().zip(choices).enumerate() {
                            *place = (group * SUMS) as u8 + choice;
                        }
                    }
                },
            );
        }
        tile.sort(&found);
        tile
    }

    /// Looks through the columns `first ..` of x, which has as many columns as `stride`: the rows of a
    /// tile of `m` are these columns.
    pub fn of_columns(set: Instructions, x: &[f32], stride: usize, first: usize, m: usize) -> Self {
        let units = x.len() / stride;
        let quarter = units.div_ceil(UNITS);
        let mut tile = Self::new(m, units);
        let mut found = vec![Found::default(); m];
        let mut choices = vec![0; m];
        let zeros = vec![0.0; m];
        for group in 0..quarter {
            let unit = |place: usize| match group + place * quarter {
                unit if unit < units => &x[unit * stride + first..][..m],
                _ => &zeros,
            };
            let rows = [unit(0), unit(1), unit(2), unit(3)];
            set.vectorize(
                #[inline(always)]
                || choose_columns(rows, &mut choices, &mut found),
            );
            let of_block = &mut tile.choices[group / GROUPS * m..][..m];
            let group = group % GROUPS;
            for (places, choice) in of_block.iter_mut().zip(&choices) {
                places[group] = (group * SUMS) as u8 + choice;
            }
        }
        tile.sort(&found);
        tile
    }

    fn new(m: usize, units: usize) -> Self {
        let blocks = units.div_ceil(UNITS).div_ceil(GROUPS);
        Self {
            m,
            units,
            rows: Vec::with_capacity(m),
            choices: vec![[0; GROUPS]; blocks * m],
            sparse: Vec::new(),
            ones: Vec::new(),
        }
    }

    /// Tells rows with many ones from those with few.
    fn sort(&mut self, found: &[Found]) {
        let quarter = self.units.div_ceil(UNITS);
        for (row, found) in found.iter().enumerate().filter(|(_, found)| found.others == 0) {
            if found.count as usize * SPARSE > self.units {
                self.rows.push(row as u32);
                continue;
            }
            let mut end = self.ones.len();
            // Without a branch, which bits would mislead; there is room for one too many.
            self.ones.resize(end + found.count as usize + 1, 0);
            for group in 0..quarter {
                let choice = self.choices[group / GROUPS * self.m + row][group % GROUPS];
                for place in 0..UNITS {
                    self.ones[end] = (group + place * quarter) as u32;
                    end += usize::from(choice >> place & 1);
                }
            }
            self.ones.truncate(end);
            self.sparse.push((row as u32, end));
        }
    }

    /// The other rows of the tile.
    pub fn others(&self) -> Vec<usize> {
        let mut is_other = vec![true; self.m];
        let sparse = self.sparse.iter().map(|(row, _)| row);
        self.rows.iter().chain(sparse).for_each(|row| is_other[*row as usize] = false);
        (0..self.m).filter(|row| is_other[*row]).collect()
    }

    /// Whether there are others.
    pub fn has_others(&self) -> bool {
        self.rows.len() + self.sparse.len() < self.m
    }
}

const ONE: u32 = 1f32.to_bits();

impl Found {
    /// Looks at the four values of a group; the choice that they name if they are bits.
    #[inline(always)]
    fn look(&mut self, [a, b, c, d]: [f32; UNITS]) -> u8 {
        let bits = [a.to_bits(), b.to_bits(), c.to_bits(), d.to_bits()];
        for bits in bits {
            self.others |= u32::from((bits != 0) & (bits != ONE));
            self.count += u32::from(bits != 0);
        }
        // The lowest bit of the exponent of 1.
        let [a, b, c, d] = bits.map(|bits| bits >> 23 & 1);
        (a | b << 1 | c << 2 | d << 3) as u8
    }
}

/// The choices of a row's groups.
#[inline(always)]
fn choose(x: &[f32], choices: &mut [u8]) -> Found {
    let quarter = choices.len();
    let (a, rest) = x.split_at(quarter);
    let (b, rest) = rest.split_at(quarter);
    let (c, d) = rest.split_at(quarter);
    let mut found = Found::default();
    for ((((to, a), b), c), d) in choices.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *to = found.look([*a, *b, *c, *d]);
    }
    found
}

/// The choices of the same group of several rows, whose values are columns.
#[inline(always)]
fn choose_columns([a, b, c, d]: [&[f32]; UNITS], choices: &mut [u8], found: &mut [Found]) {
    let each = choices.iter_mut().zip(found).zip(a).zip(b).zip(c).zip(d);
    for (((((to, found), a), b), c), d) in each {
        *to = found.look([*a, *b, *c, *d]);
    }
}
