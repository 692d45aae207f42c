"""The entrance: how a file that asks to come in is judged. Nothing of it is run, unpacked to a disk, or believed.

text     plain text that people can read; keys and passwords that somebody forgot in it
tables   columns that name people, or by which rows could be joined to the data
archive  a zip file opened with suspicion
wheel    a Python package: its RECORD proved, what would run by itself, native code, what it needs
target   the Python, platform and packages of the notebook image
scan     the malware scanner of the machine, where there is one
judge    all of them, file by file
folder   what was let in, laid out for a container to see
"""
