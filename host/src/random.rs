//! Random bytes from the system.

use domain::kernel::Randomness;

pub struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn fill(&self, bytes: &mut [u8]) {
        // Without random bytes neither ids nor secrets can be made; nothing sensible goes on from here.
        getrandom::fill(bytes).expect("the system gives random bytes");
    }
}
