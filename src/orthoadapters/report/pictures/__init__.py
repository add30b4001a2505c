"""One file per picture: from a table's numbers to a figure with its caption. `gallery` lists them.

They are functions of plain numbers. It imports report.statistics, report.collect and what lies below them.
"""
