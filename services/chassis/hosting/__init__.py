"""A process of the city: services put together, their lasting work, their doors, their start and their stop."""
