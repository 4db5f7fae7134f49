"""`view`: a page on localhost that shows a dataset. The server needs the extra `view`; nothing leaves the machine."""
