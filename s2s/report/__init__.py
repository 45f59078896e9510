"""What people look at: judgements of systems and the course of trainings, as data, as text, and as pages."""
