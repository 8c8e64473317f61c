"""RVTools exports: a workbook (.xlsx), or a folder of CSV files, as VMware administrators send them."""

from .source import RvtoolsSource

__all__ = ["RvtoolsSource"]
