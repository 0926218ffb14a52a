"""Several finished runs side by side: `mtc-keras report A B`."""
