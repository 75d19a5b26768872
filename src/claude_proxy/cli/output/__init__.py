"""What every command uses to speak to the user."""
