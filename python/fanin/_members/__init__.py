"""What every class of a registry shares: checked attributes, names, configurations, signatures."""
