//! Outputs beside the traits of other crates.

use std::io::Write;

use wsproto::*;

#[test]
fn methods_of_io_write_are_called_by_their_names_with_all_of_wsproto_imported() {
    let mut vector = Vec::new();
    assert_eq!(vector.write(b"x").unwrap(), 1);
    vector.write_all(b"y").unwrap();
    vector.reserve(10);
    vector.flush().unwrap();
    vector.append_bytes(b"z").unwrap();
    assert_eq!(vector, b"xyz");

    let mut memory = [0; 4];
    let mut room = memory.as_mut_slice();
    assert_eq!(room.write(b"ab").unwrap(), 2);
    room.append_bytes(b"cd").unwrap();
    assert_eq!(memory, *b"abcd");
}
