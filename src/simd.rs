//! The only file that asks what the CPU can do.
//!
//! A kernel is written once, as a plain loop, inside [`kernel!`]. The macro compiles its body three
//! times (baseline, AVX2, AVX-512) and picks one at run time, so one binary serves every CPU.
//! The body does the same IEEE operations in the same order at every level: vectorising a loop over
//! independent elements never changes a bit, and Rust never contracts `a * b + c` into a fused
//! multiply-add by itself (a kernel that wants one asks for `Float::mul_add`). Kernels therefore give equal bits at every level, and tests compare
//! them with `==`.

use std::sync::atomic::{AtomicU8, Ordering};

use crate::error::{Error, Result};

/// An instruction set that kernels are compiled for, in increasing order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// What every CPU of the architecture has (SSE2 on x86-64).
    Baseline = 1,
    /// 256-bit vectors, and fused multiply-adds for kernels that ask for them.
    Avx2 = 2,
    /// 512-bit vectors.
    Avx512 = 3,
}

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Self; 3] = [Self::Baseline, Self::Avx2, Self::Avx512];

    /// The name that `FANIN_SIMD` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// The level with this name.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|level| level.name() == name)
            .ok_or_else(|| {
                Error::value(
                    "FANIN_SIMD",
                    "baseline, avx2 or avx512",
                    format!("{name:?}"),
                )
            })
    }
}

/// The highest level that this CPU has.
pub fn detected() -> Level {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
        {
            return Level::Avx512;
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Level::Avx2;
        }
    }
    Level::Baseline
}

/// Level in force, as its `u8`; 0 until it is first asked for.
static LEVEL: AtomicU8 = AtomicU8::new(0);

/// The level that kernels run at: `FANIN_SIMD` if it is set, else what the CPU has.
///
/// A `FANIN_SIMD` that is unknown or above what the CPU has is passed over here;
/// [`level_from_environment`] reports it.
#[inline]
pub fn level() -> Level {
    match LEVEL.load(Ordering::Relaxed) {
        1 => Level::Baseline,
        2 => Level::Avx2,
        3 => Level::Avx512,
        _ => set_level(level_from_environment().unwrap_or_else(|_| detected())),
    }
}

/// Read `FANIN_SIMD`, saying what is wrong with it.
pub fn level_from_environment() -> Result<Level> {
    let Ok(name) = std::env::var("FANIN_SIMD") else {
        return Ok(detected());
    };
    let level = Level::parse(&name)?;
    if level > detected() {
        return Err(Error::value(
            "FANIN_SIMD",
            format!("at most {}, which is what this CPU has", detected().name()),
            format!("{name:?}"),
        ));
    }
    Ok(level)
}

/// Run kernels at `level` from now on, or at what the CPU has if that is lower; returns the level set.
pub fn set_level(level: Level) -> Level {
    let level = level.min(detected());
    LEVEL.store(level as u8, Ordering::Relaxed);
    level
}

/// Define functions whose body is compiled for every [`Level`] and picked at run time.
///
/// Write the body as a plain loop over slices; call only `#[inline(always)]` or small generic
/// functions from it, so that they are compiled at the same level. Constants follow the types, after a
/// semicolon. The body knows the level that it is compiled for as `LEVEL`, for what must not change a bit: how
/// much is held in registers.
macro_rules! kernel {
    ($(
        $(#[$meta:meta])*
        $vis:vis fn $name:ident
        $(<$($g:ident : $bound:path),+ $(; $(const $n:ident : $of:ty),+)?>)?
        ($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)?
        $body:block
    )+) => {$(
        $(#[$meta])*
        $vis fn $name $(<$($g: $bound),+ $(, $(const $n: $of),+)?>)? ($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn body<$($($g: $bound,)+ $($(const $n: $of,)+)?)? const LEVEL: u8>($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                use $crate::simd::Level;

                #[target_feature(enable = "avx2,fma")]
                fn avx2 $(<$($g: $bound),+ $(, $(const $n: $of),+)?>)? ($($arg: $ty),*) $(-> $ret)? {
                    body::<$($($g,)+ $($($n,)+)?)? { Level::Avx2 as u8 }>($($arg),*)
                }

                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
                fn avx512 $(<$($g: $bound),+ $(, $(const $n: $of),+)?>)? ($($arg: $ty),*) $(-> $ret)? {
                    body::<$($($g,)+ $($($n,)+)?)? { Level::Avx512 as u8 }>($($arg),*)
                }

                match $crate::simd::level() {
                    // SAFETY: `level` never exceeds `detected`, which has seen these features.
                    Level::Avx512 => return unsafe { avx512 $(::<$($g),+ $(, $($n),+)?>)? ($($arg),*) },
                    // SAFETY: as above.
                    Level::Avx2 => return unsafe { avx2 $(::<$($g),+ $(, $($n),+)?>)? ($($arg),*) },
                    Level::Baseline => {}
                }
            }
            body::<$($($g,)+ $($($n,)+)?)? { $crate::simd::Level::Baseline as u8 }>($($arg),*)
        }
    )+};
}
pub(crate) use kernel;

/// Arithmetic as IEEE 754 has it by default, on this thread until this is dropped: rounded to nearest, with subnormals,
/// without traps.
///
/// Each thread has a mode, which starts as that of the thread that started it. Libraries set others: what is linked with
/// `-ffast-math` flushes subnormals in every thread from there on. Where kernels run, nothing of that holds.
#[derive(Debug)]
pub(crate) struct DefaultArithmetic {
    before: Option<mode::Word>,
}

impl DefaultArithmetic {
    /// From now on.
    #[inline]
    pub(crate) fn enter() -> Self {
        let before = mode::get();
        let differs = before & mode::MASK != mode::DEFAULT;
        if differs {
            mode::set(before & !mode::MASK | mode::DEFAULT);
        }
        Self {
            before: differs.then_some(before),
        }
    }
}

impl Drop for DefaultArithmetic {
    #[inline]
    fn drop(&mut self) {
        if let Some(before) = self.before {
            mode::set(before);
        }
    }
}

/// The register that says how a thread computes.
#[cfg(target_arch = "x86_64")]
mod mode {
    use std::arch::asm;

    /// MXCSR.
    pub(super) type Word = u32;
    /// Flushing (bits 6 and 15), traps (7 to 12), rounding (13 and 14); not what has happened so far (0 to 5).
    pub(super) const MASK: Word = 0xffc0;
    /// All traps off.
    pub(super) const DEFAULT: Word = 0x1f80;

    #[inline(always)]
    pub(super) fn get() -> Word {
        let mut word = 0;
        // SAFETY: writes four bytes, into `word`.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack, preserves_flags)) };
        word
    }

    #[inline(always)]
    pub(super) fn set(word: Word) {
        // SAFETY: reads four bytes, of `word`. Compiled code assumes the default mode; another one is set only where it was
        // found, on the way back to whoever had set it.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &raw const word, options(nostack, preserves_flags)) };
    }
}

/// As above.
#[cfg(target_arch = "aarch64")]
mod mode {
    use std::arch::asm;

    /// FPCR.
    pub(super) type Word = u64;
    /// All that it says.
    pub(super) const MASK: Word = Word::MAX;
    /// IEEE 754's defaults.
    pub(super) const DEFAULT: Word = 0;

    #[inline(always)]
    pub(super) fn get() -> Word {
        let word;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, fpcr", out(reg) word, options(nomem, nostack, preserves_flags)) };
        word
    }

    #[inline(always)]
    pub(super) fn set(word: Word) {
        // SAFETY: as for x86-64.
        unsafe { asm!("msr fpcr, {}", in(reg) word, options(nostack, preserves_flags)) };
    }
}

/// Elsewhere nobody knows of another mode.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod mode {
    pub(super) type Word = u8;
    pub(super) const MASK: Word = 0;
    pub(super) const DEFAULT: Word = 0;

    pub(super) const fn get() -> Word {
        DEFAULT
    }

    pub(super) const fn set(_: Word) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This thread flushes subnormals to zero, reads them as zeros, and rounds up; returns the mode.
    #[cfg(target_arch = "x86_64")]
    fn spoil() -> mode::Word {
        mode::set(mode::DEFAULT | 1 << 15 | 1 << 6 | 0b10 << 13);
        mode::get()
    }

    /// This thread flushes subnormals to zero and rounds up; returns the mode.
    #[cfg(target_arch = "aarch64")]
    fn spoil() -> mode::Word {
        mode::set(1 << 24 | 0b01 << 22);
        mode::get()
    }

    /// The bits of half the least normal number, which is flushed to zero, and of minus a third, which is rounded up to
    /// another number than the nearest.
    fn half_and_third() -> [u32; 2] {
        use std::hint::black_box;
        let half = black_box(f32::MIN_POSITIVE) * black_box(0.5);
        [half, black_box(-1.0f32) / black_box(3.0)].map(f32::to_bits)
    }

    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    #[test]
    fn modes_of_others_end_where_kernels_begin_and_come_back_after_them() {
        // A thread of its own: what it does to its mode ends with it.
        let work = || {
            let expected = half_and_third();
            let spoiled = spoil();
            let [half, third] = half_and_third();
            assert!(half != expected[0] && third != expected[1]);
            {
                let _default = DefaultArithmetic::enter();
                assert_eq!(half_and_third(), expected);
                let _again = DefaultArithmetic::enter();
                assert_eq!(half_and_third(), expected);
            }
            let same = mode::get() & mode::MASK == spoiled & mode::MASK;
            // The assertions of this thread, too, are computed in the usual mode.
            mode::set(mode::DEFAULT);
            assert!(same);
        };
        std::thread::spawn(work).join().unwrap();
    }

    kernel! {
        fn level_of_body(out: &mut [u32]) {
            for (i, o) in out.iter_mut().enumerate() {
                *o = (i as u32).wrapping_mul(2654435761);
            }
        }
    }

    #[test]
    fn every_level_runs_and_agrees() {
        let mut results = Vec::new();
        for level in Level::ALL.into_iter().filter(|&l| l <= detected()) {
            set_level(level);
            let mut out = [0; 37];
            level_of_body(&mut out);
            results.push(out);
        }
        set_level(detected());
        assert!(results.windows(2).all(|w| w[0] == w[1]));
    }

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for level in Level::ALL {
            assert_eq!(Level::parse(level.name()), Ok(level));
        }
        let message = Level::parse("neon").unwrap_err().to_string();
        assert!(message.contains("FANIN_SIMD") && message.contains("neon"));
    }
}
