fn main() {
    // `embed_migrations!` does not see a new folder by itself.
    println!("cargo::rerun-if-changed=../migrations");
}
