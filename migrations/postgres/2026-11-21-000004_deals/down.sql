DROP TABLE date_plans;
DROP TABLE milestones;
DROP TABLE deal_parties;
DROP TABLE deal_key_dates;
DROP TABLE deals;
DROP TABLE templates;
