DROP TABLE address_proofs;
DROP TABLE address_opt_outs;
