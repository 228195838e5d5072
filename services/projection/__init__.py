"""projection 监测视图: one true picture at any date, past or present. No aggregates; views, queries, the cockpit."""
