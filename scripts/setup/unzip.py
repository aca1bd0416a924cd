"""unzip.py ARCHIVE SUFFIX: writes the one member whose name ends so to standard output, out of .bz2 if it is one."""

import bz2
import shutil
import sys
import zipfile

archive, suffix = sys.argv[1:]
with zipfile.ZipFile(archive) as members:
    [name] = [name for name in members.namelist() if name.endswith(suffix)]
    with members.open(name) as member:
        content = bz2.BZ2File(member) if name.endswith(".bz2") else member
        shutil.copyfileobj(content, sys.stdout.buffer, 1 << 20)
