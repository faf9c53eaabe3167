//! Two libraries fewer for the dynamic loader to find and map at every start: together a sixth of a warm answer.
#![allow(unsafe_code)] // names for the linker; no unsafe code runs

// The unwinder, which panic messages need, from the compiler's own archive instead of `libgcc_s.so`.
#[cfg(target_env = "gnu")]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

/// All that the SDK's retry code wants of `libm.so`. The signature is C's.
#[unsafe(no_mangle)]
extern "C" fn pow(base: f64, exponent: f64) -> f64 {
    libm::pow(base, exponent)
}
