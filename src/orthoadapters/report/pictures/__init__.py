"""One file per picture: its numbers, its drawing and its caption. `gallery` lists them.

A picture's drawing is a function of plain numbers. The room imports report.statistics, report.collect and what lies below.
"""
