"""What leaves the machine: the privacy ladder, masks, private columns and the guard."""
