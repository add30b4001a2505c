"""The report on finished runs: tables, statistics, pictures, a page, and a submission to XTREME.

It reads run directories alone: no data, no model, no PyTorch. It may import runs, hub, config and the ground files. Its own
rooms are a staircase: collect, statistics, pictures, printed, page.
"""
