//! A deal's timeline as people see it in chat.

use domain::deals::picture;
use domain::kernel::time;
use harness::{Place, World};

fn number(png: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(png[at..at + 4].try_into().unwrap())
}

#[test]
fn a_deal_is_drawn_from_what_is_known_of_it() {
    let world = World::new(Place::file());
    let deal = world.peopled_deal("12 Oak Street <&> \u{5de5}\u{4e8b}");
    let done = world.milestone(deal, "inspection");
    world.complete(done.id);
    world.set_clock("2026-10-29T15:00:00Z");
    let detail = world.detail(deal);
    let today = time::today(world.now(), &time::zone(&detail.deal.time_zone));
    let svg = picture::svg(&detail, today);
    assert!(svg.contains("12 Oak Street &lt;&amp;&gt;"));
    for milestone in &detail.milestones {
        assert!(svg.contains(&format!("<title>{}: due", milestone.title)), "{}", milestone.title);
    }
    assert_eq!(svg.matches("role=\"listitem\"").count(), detail.milestones.len());
    assert!(svg.contains(">done</text>") && svg.contains(">overdue</text>") && svg.contains(">upcoming</text>"));

    let png = host::picture::png(&svg).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let height = svg.split("height=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert_eq!((number(&png, 16), number(&png, 20)), (picture::WIDTH, height.parse().unwrap()));
    // A blank picture of this size is far smaller.
    assert!((30_000..300_000).contains(&png.len()), "{}", png.len());
}
