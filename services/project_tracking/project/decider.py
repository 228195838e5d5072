"""The aggregate Project 项目: which order is decided by what; its state is the record."""

from __future__ import annotations

from services.chassis.domain import Command, Decider
from services.project_tracking.events.fold import EVOLUTIONS, Known
from services.project_tracking.project import approvals, baselines, commands, lifecycle, reports
from services.project_tracking.project.facts import ProjectFacts
from services.project_tracking.project.lamps import record_lamp
from services.project_tracking.project.registration import register
from services.project_tracking.project.retraction import retract_step

PROJECT: Decider[Known, ProjectFacts] = Decider(
    aggregate="project",
    identity="project_id",
    initial=None,
    decisions={
        commands.RegisterProject: register,
        commands.FileApproval: approvals.file_approval,
        commands.ReturnApproval: approvals.return_approval,
        commands.GrantApproval: approvals.grant_approval,
        commands.SignProject: lifecycle.sign,
        commands.StartProject: lifecycle.start,
        commands.SetBaseline: baselines.set_baseline,
        commands.RequestRebaseline: baselines.request_rebaseline,
        commands.ApproveRebaseline: baselines.approve_rebaseline,
        commands.RejectRebaseline: baselines.reject_rebaseline,
        commands.ReachMilestone: reports.reach_milestone,
        commands.ReportProgress: reports.report_progress,
        commands.SubmitWeeklyReport: reports.submit_weekly_report,
        commands.SuspendProject: lifecycle.suspend,
        commands.ResumeProject: lifecycle.resume,
        commands.CompleteProject: lifecycle.complete,
        commands.PutIntoProduction: lifecycle.put_into_production,
        commands.TerminateProject: lifecycle.terminate,
        commands.WithdrawProject: lifecycle.withdraw,
        commands.RetractStep: retract_step,
        commands.RecordLamp: record_lamp,
    },
    evolutions=EVOLUTIONS,
)

INTERNAL: frozenset[type[Command]] = frozenset({commands.RecordLamp})
"""Orders that only the platform itself gives."""
