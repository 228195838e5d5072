"""The aggregate Project 项目: commands in, facts out; pure."""
