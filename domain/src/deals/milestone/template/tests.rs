use proptest::prelude::*;

use super::*;
use crate::deals::deal::PartyRole;
use crate::deals::example::template;

/// The requirements' table, word for word.
const RESIDENTIAL: &str = "\
| earnest_money | Earnest money delivery | contract_date +3 | - | yes | all | buyer | 1 | buyer, attorney, buyer_agent, seller_agent |
| inspection | Home inspection | inspection_deadline +0 | contract_date +10 | yes | all | buyer | 3 | buyer, seller, buyer_agent, seller_agent |
| wood_infestation | Wood infestation report | contract_date +14 | - | no | all | buyer | 3 | buyer, lender, buyer_agent |
| repair_request | Repair request deadline | inspection_deadline +3 | contract_date +13 | no | all | buyer | 2 | seller, seller_agent, attorney |
| appraisal_ordered | Appraisal ordered | contract_date +10 | - | yes | not cash | lender | 2 | buyer, seller_agent, buyer_agent |
| appraisal_complete | Appraisal complete | appraisal_contingency_deadline +0 | contract_date +21 | yes | not cash | lender | 3 | buyer, seller, buyer_agent, seller_agent, attorney |
| financing_contingency | Financing contingency | financing_contingency_deadline +0 | closing_date -7 | yes | not cash | lender | 5 | buyer, seller, buyer_agent, seller_agent, attorney |
| title_search | Title search complete | contract_date +21 | - | yes | all | attorney | 3 | buyer, buyer_agent, lender |
| closing_prep | Closing preparation | closing_date -7 | - | yes | all | attorney | 2 | all |
| final_walkthrough | Final walkthrough | closing_date -2 | - | yes | all | buyer | 2 | buyer, seller_agent |
| closing | Closing day | closing_date +0 | - | yes | all | all | 1 | all |
";

fn row(rule: &DateRule) -> String {
    let fallback = rule.fallback.as_ref();
    let fallback = fallback.map_or("-".into(), |fallback| format!("{} {:+}", fallback.reference, fallback.offset));
    let financing = match rule.financing.as_slice() {
        [] => "all",
        financing if financing.len() == 4 && !financing.contains(&Financing::Cash) => "not cash",
        _ => "some",
    };
    let notify: Vec<&str> = rule.notify.iter().map(|who| who.as_str()).collect();
    format!(
        "| {} | {} | {} {:+} | {fallback} | {} | {financing} | {} | {} | {} |\n",
        rule.type_,
        rule.title,
        rule.reference,
        rule.offset,
        if rule.required { "yes" } else { "no" },
        rule.responsible,
        rule.remind_days_before.unwrap_or(-1),
        notify.join(", "),
    )
}

#[test]
fn the_residential_template_is_the_agreed_table() {
    let residential = template("residential");
    assert_eq!(residential.rules.iter().map(row).collect::<String>(), RESIDENTIAL);
    assert_eq!(residential.version, 1);
    for rule in &residential.rules {
        assert_eq!((rule.days, rule.roll), (Days::Calendar, Roll::None), "{}", rule.type_);
        assert!(rule.states.is_empty() && rule.sides.is_empty(), "{}", rule.type_);
    }
}

#[test]
fn the_variants_are_the_same_table_with_other_counting() {
    for name in ["residential-business-days", "residential-rolled"] {
        assert_eq!(template(name).rules.iter().map(row).collect::<String>(), RESIDENTIAL, "{name}");
    }
    let mut counting = String::new();
    for template in Template::built_ins() {
        counting.push_str(&format!("{} v{}: {}\n", template.name, template.version, template.title));
        for rule in &template.rules {
            counting.push_str(&format!("  {:22} {:9} {}\n", rule.type_, rule.days, rule.roll));
        }
    }
    insta::assert_snapshot!(counting);
}

#[test]
fn every_template_that_ships_can_be_read_and_written_back() {
    let names: Vec<&str> = Template::built_ins().iter().map(|template| template.name.as_str()).collect();
    assert_eq!(names, ["residential", "residential-business-days", "residential-rolled"]);
    for template in Template::built_ins() {
        assert_eq!(Template::parse(&template.to_toml().unwrap()).as_ref(), Ok(template));
        let json = serde_json::to_string(template).unwrap();
        assert_eq!(serde_json::from_str::<Template>(&json).unwrap(), *template);
        assert_eq!(template.check(), []);
    }
}

#[test]
fn a_rule_stored_before_a_field_was_added_can_still_be_read() {
    let rule: DateRule = serde_json::from_str(
        r#"{"type":"survey","title":"Survey","reference":"contract_date","offset":5,"required":false,
            "responsible":"buyer","added_later":true}"#,
    )
    .unwrap();
    assert_eq!((rule.days, rule.roll, rule.remind_days_before), (Days::Calendar, Roll::None, None));
}

#[test]
fn a_responsible_is_any_role_or_all_of_them() {
    assert_eq!(Responsible::All.role(), None);
    assert_eq!(Responsible::ALL.len(), PartyRole::ALL.len() + 1);
    for role in PartyRole::ALL {
        assert_eq!(Responsible::from(*role).role(), Some(*role));
        assert_eq!(Responsible::from(*role).as_str(), role.as_str());
    }
}

const GOOD: &str = r#"name = "ours"
title = "Our own"
version = 3
holidays = "us-federal"

[[rules]]
type = "survey"
title = "Survey"
reference = "survey_date"
offset = -2
fallback = { reference = "contract_date", offset = 5 }
days = "business"
roll = "previous"
required = false
financing = ["cash"]
states = ["NC", "SC"]
sides = ["buyer"]
responsible = "title"
remind_days_before = 2
notify = ["all"]
"#;

#[test]
fn a_workspace_can_bring_its_own() {
    let template = Template::parse(GOOD).unwrap();
    assert_eq!((template.name.as_str(), template.version, template.rules.len()), ("ours", 3, 1));
    let rule = &template.rules[0];
    assert_eq!((rule.offset, rule.days, rule.roll), (-2, Days::Business, Roll::Previous));
    assert_eq!(rule.fallback, Some(Fallback { reference: "contract_date".into(), offset: 5 }));
    assert_eq!((rule.responsible, rule.remind_days_before), (Responsible::Title, Some(2)));
    assert_eq!(Template::parse(&template.to_toml().unwrap()), Ok(template));
}

/// The answer to the good template with one thing changed.
fn answer(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    match Template::parse(&GOOD.replacen(from, to, 1)) {
        Ok(_) => format!("{to}\n  is fine\n"),
        Err(problems) => {
            let lines: String =
                problems.iter().map(|problem| format!("  {}: {}\n", problem.field, problem.sentence)).collect();
            format!("{to}\n{lines}")
        }
    }
}

#[test]
fn each_mistake_is_named_by_field_and_line() {
    let answers = [
        answer("name = \"ours\"", "name = \"Ours!\""),
        answer("name = \"ours\"", "name = 5"),
        answer("name = \"ours\"", "nome = \"ours\""),
        answer("title = \"Our own\"", "title = \"Our\\town\""),
        answer("title = \"Our own\"", "title = \"  \""),
        answer("version = 3", "version = 0"),
        answer("version = 3", "version = 3.5"),
        answer("version = 3", "version = 99999999999"),
        answer("\"us-federal\"", "\"mars\""),
        answer("[[rules]]", "[rules]"),
        answer("[[rules]]", "[[rule]]"),
        answer("type = \"survey\"", "type = \"\""),
        answer("reference = \"survey_date\"", "reference = \"Survey date\""),
        answer("reference = \"survey_date\"", "reference = \"contract_date\""),
        answer("offset = -2", "offset = -1001"),
        answer("offset = -2", "offset = \"two\""),
        answer("offset = -2", "offset = 0x10"),
        answer("offset = -2\n", ""),
        answer("offset = 5", "offset = 1001"),
        answer("offset = 5", "offset = 5, days = \"business\""),
        answer("fallback = { reference = \"contract_date\", offset = 5 }", "fallback = \"contract_date\""),
        answer("\"business\"", "\"working\""),
        answer("\"previous\"", "\"forward\""),
        answer("required = false", "required = \"no\""),
        answer("[\"cash\"]", "[\"cash\", \"gold\", 3]"),
        answer("[\"cash\"]", "\"cash\""),
        answer("[\"cash\"]", "[\"cash\", \"cash\"]"),
        answer("\"SC\"", "\"South Carolina\""),
        answer("\"SC\"", "\"XX\""),
        answer("\"SC\"", "\"nc\""),
        answer("\"SC\"", "\"MP\""),
        answer("responsible = \"title\"", "responsible = \"notary\""),
        answer("responsible = \"title\"\n", ""),
        answer("remind_days_before = 2", "remind_days_before = 366"),
        answer("remind_days_before = 2", "remind_days_before = -1"),
        answer("remind_days_before = 2", "color = \"red\""),
        answer("notify = [\"all\"]", "notify = [\"all\", \"everybody\"]"),
        answer("notify = [\"all\"]", "notify = [\"all\""),
    ];
    insta::assert_snapshot!(answers.join("\n"));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = GOOD.replace("version = 3", "version = 0").replace("-2", "9999").replace("buyer", "left");
    let fields: Vec<String> =
        Template::parse(&text).unwrap_err().into_iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["rules[0].sides[0]", "version", "rules[0].offset"]);
}

#[test]
fn two_rules_of_one_type_and_too_many_rules_are_refused() {
    let rule = &GOOD[GOOD.find("[[rules]]").unwrap()..];
    let twice = Template::parse(&format!("{GOOD}{rule}")).unwrap_err();
    assert_eq!(
        twice,
        [Problem::new("rules[1].type", "must be unique; an earlier rule has the same type. (line 22)")]
    );

    let many = |count: usize| {
        let head = &GOOD[..GOOD.find("[[rules]]").unwrap()];
        let rules: String =
            (0..count).map(|index| rule.replace("\"survey\"", &format!("\"survey{index}\""))).collect();
        Template::parse(&format!("{head}{rules}"))
    };
    assert_eq!(many(MAX_RULES).map(|template| template.rules.len()), Ok(MAX_RULES));
    let problems = many(MAX_RULES + 50).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].field, "rules");
}

#[test]
fn the_states_are_the_fifty_the_district_and_five_territories() {
    assert_eq!(STATES.iter().collect::<BTreeSet<_>>().len(), 56);
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_fail_badly(text in "\\PC{0,200}") {
        let _ = Template::parse(&text);
    }

    #[test]
    fn no_cut_or_swap_makes_the_reader_fail_badly(from in 0..GOOD.len(), length in 0..40usize, with in "[\\[\\]{}=\"a0.\n-]{0,4}") {
        let to = (from + length).min(GOOD.len());
        let _ = Template::parse(&format!("{}{with}{}", &GOOD[..from], &GOOD[to..]));
    }
}
