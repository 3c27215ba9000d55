"""Quality of the images themselves: duplicates, outliers, odd images."""
