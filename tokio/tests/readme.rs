//! The README of the repository shows the same echo server as the README of this package, which is compiled.

use std::fs;
use std::path::Path;

#[test]
fn both_readmes_show_the_same_server() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    // A package that was unpacked alone has no repository around it.
    let Ok(repository) = fs::read_to_string(package.join("../README.md")) else { return };
    if !repository.contains("wsproto-tokio") {
        return;
    }
    let readme = fs::read_to_string(package.join("README.md")).unwrap();
    let server = readme.split("```").nth(3).and_then(|block| block.split_once('\n')).unwrap().1;
    assert!(server.contains("Server::new().accept(stream)"), "{server}");
    assert!(repository.contains(server), "README.md of the repository does not have:\n{server}");
}
