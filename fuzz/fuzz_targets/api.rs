#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| express_server::fuzzing::api(data));
