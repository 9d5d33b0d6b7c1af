use std::path::{Path, PathBuf};

use super::*;

fn exercise(disk: &dyn Disk, base: &Path) {
    let dir = base.join("a/b");
    assert!(!disk.is_dir(&dir));
    assert!(disk.list(&dir).unwrap_err().is_not_found());
    disk.create_dir_all(&dir).unwrap();
    assert!(disk.is_dir(&dir) && disk.is_writable(&dir));
    let path = dir.join("f");
    assert!(disk.open(&path).unwrap_err().is_not_found());

    let mut file = disk.create(&path).unwrap();
    file.write_at(4, b"abcd").unwrap();
    assert_eq!(file.len().unwrap(), 8);
    file.set_len(20).unwrap();
    let mut buf = [1; 32];
    assert_eq!(file.read_at(2, &mut buf).unwrap(), 18);
    assert_eq!(&buf[..18], b"\0\0abcd\0\0\0\0\0\0\0\0\0\0\0\0");
    file.set_len(6).unwrap();
    file.set_len(8).unwrap();
    assert_eq!(file.read_at(0, &mut buf).unwrap(), 8);
    assert_eq!(&buf[..8], b"\0\0\0\0ab\0\0");
    assert_eq!(file.read_at(8, &mut buf).unwrap(), 0);
    file.sync().unwrap();

    disk.rename(&path, &dir.join("g")).unwrap();
    disk.sync_dir(&dir).unwrap();
    let listed = disk.list(&dir).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].name.as_str(), listed[0].len), ("g", 8));
    assert_eq!(dir_size(disk, &dir), 8);
    let mut again = disk.open_rw(&dir.join("g")).unwrap();
    again.write_at(0, b"x").unwrap();
    assert_eq!(read_small(disk, &dir.join("g"), 8).unwrap(), b"x\0\0\0ab\0\0");
    assert!(read_small(disk, &dir.join("g"), 7).is_err());
    replace(disk, &dir, "g", b"new").unwrap();
    assert_eq!(read_small(disk, &dir.join("g"), 8).unwrap(), b"new");
    disk.remove(&dir.join("g")).unwrap();
    assert!(disk.list(&dir).unwrap().is_empty());
}

#[test]
fn the_disk_in_memory_behaves_as_the_real_one() {
    let tmp = tempfile::tempdir().unwrap();
    exercise(&RealDisk, tmp.path());
    exercise(&MemDisk::new(), &PathBuf::from("/mem"));
}

#[test]
fn an_error_names_operation_and_path() {
    let error = RealDisk.open(Path::new("/nonexistent/x")).unwrap_err();
    assert!(error.to_string().starts_with("open /nonexistent/x: "), "{error}");
}
