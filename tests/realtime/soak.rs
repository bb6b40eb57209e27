//! Half a minute of `make soak`: a full house, and a fault every second.

use express_tests::soak::{Plan, run};

#[test]
fn a_thousand_clients_lose_nothing_that_was_promised_while_something_goes_wrong_every_second() {
    let report = run(Plan::full(30)).unwrap();
    println!("{report}");
    assert!(report.is_good(), "{:#?}", report.problems);
}
