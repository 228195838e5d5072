"""project_tracking 项目跟踪: every key project from its registration to production."""
