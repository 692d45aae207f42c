"""The one place where the parts are put together: real by default, fakes by argument."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from sandbox.disclosure.file_type import recognise
from sandbox.domain.access import Grant
from sandbox.domain.errors import OperatorError
from sandbox.domain.notice_choices import Channel
from sandbox.domain.site_policy import SitePolicy
from sandbox.flows.access_views import AccessViews
from sandbox.flows.answer_question import AnswerQuestion
from sandbox.flows.attack_models import Attack, AttackModels
from sandbox.flows.browse_catalogue import BrowseCatalogue
from sandbox.flows.buy_base import BuyBase
from sandbox.flows.change_policy import ChangePolicy
from sandbox.flows.check_output import CheckOutput
from sandbox.flows.comment_on_output import CommentOnOutput
from sandbox.flows.compare_outputs import CompareOutputs
from sandbox.flows.data_keys import CloseData
from sandbox.flows.decide_objection import DecideObjection
from sandbox.flows.demand_data import DemandData
from sandbox.flows.destroy_data import DestroyData
from sandbox.flows.differences import Differences
from sandbox.flows.end_access import EndAccess
from sandbox.flows.exact_beside_private import ExactBesidePrivate
from sandbox.flows.explore_log import ExploreLog
from sandbox.flows.extracts import Extracts
from sandbox.flows.fast_lane import TakeFastLane
from sandbox.flows.follow_notebook import FollowNotebook
from sandbox.flows.give_receipt import GiveReceipt
from sandbox.flows.hold_jobs import HoldJobs
from sandbox.flows.hold_releases import HoldReleases
from sandbox.flows.import_files import ImportFiles
from sandbox.flows.import_views import ImportViews
from sandbox.flows.job_views import JobViews
from sandbox.flows.let_out import LetOut
from sandbox.flows.listed import Listed
from sandbox.flows.log_views import LogViews
from sandbox.flows.look_after_people import LookAfterPeople
from sandbox.flows.look_at_health import LookAtHealth
from sandbox.flows.look_at_request import LookAtRequest
from sandbox.flows.my_account import MyAccount
from sandbox.flows.my_notices import MyNotices
from sandbox.flows.next_turn import NextTurn
from sandbox.flows.object import ObjectToData
from sandbox.flows.objection_views import ObjectionViews
from sandbox.flows.open_data import ReadOpenData
from sandbox.flows.open_notebook import OpenNotebook
from sandbox.flows.owner_views import OwnerViews
from sandbox.flows.permission import Permission
from sandbox.flows.plant_output import PlantOutput
from sandbox.flows.policy_views import PolicyViews
from sandbox.flows.prepare_dataset import PrepareDataset
from sandbox.flows.project_register import ProjectRegister
from sandbox.flows.publish_dataset import PublishDataset
from sandbox.flows.question_desk import QuestionDesk
from sandbox.flows.rate_dataset import RateDataset
from sandbox.flows.record_attacks import RecordAttacks
from sandbox.flows.record_breach import RecordBreach
from sandbox.flows.remind_ends import RemindEnds
from sandbox.flows.report_result import ReportResult
from sandbox.flows.request_access import RequestAccess
from sandbox.flows.review_queue import ReviewQueue
from sandbox.flows.review_release import ReviewRelease
from sandbox.flows.run_job import RunJob
from sandbox.flows.see_release import SeeRelease
from sandbox.flows.show_sample import ShowSample
from sandbox.flows.sign_in import SignIn
from sandbox.flows.site_policy import settle_site, site_with_lines
from sandbox.flows.still_to_do import StillToDo
from sandbox.flows.suspend_dataset import SuspendDataset
from sandbox.flows.take_raw import TakeRaw
from sandbox.flows.tell_people import TellPeople
from sandbox.flows.trained import Trained
from sandbox.flows.transparency import Transparency
from sandbox.flows.verify_books import VerifyBooks
from sandbox.flows.verify_log import VerifyLog
from sandbox.flows.views import Views
from sandbox.flows.visitors import Visitors
from sandbox.flows.watch_use import WatchUse
from sandbox.flows.who_is_told import WhoIsTold
from sandbox.flows.withheld_units import WithheldUnits
from sandbox.isolation.container import languages_here
from sandbox.isolation.entrance.judge import Entrance
from sandbox.isolation.entrance.scan import clamav
from sandbox.isolation.entrance.target import read_target
from sandbox.isolation.image_list import built_images
from sandbox.isolation.launcher_client import LauncherClient
from sandbox.isolation.membership_attack import MembershipAttack
from sandbox.isolation.notebooks import HubNotebooks, LauncherNotebooks, Notebooks, StopNotebooks
from sandbox.isolation.own_notebooks import HubOwnNotebooks, OwnNotebooks
from sandbox.isolation.reach import answers, held, listens
from sandbox.privacy.engine import Engine
from sandbox.privacy.planning.remembered import Remembered
from sandbox.privacy.remote import RemoteEngine
from sandbox.settings import Settings
from sandbox.store import Store
from sandbox.store.allowed_folders import AllowedFolders
from sandbox.store.drafts import Drafts
from sandbox.store.policy_files import Site, read_site_policy
from sandbox.store.secrets import secret

CODE_KEY = "mail-codes"  # the secret that makes the codes which confirm e-mail addresses
ENGINE_UID_FOR_ROOT = 64_000  # the engine never runs as root: when the operator is root, it runs as this user


def engine_user() -> tuple[int, int]:
    """The user and group that the engine's container runs as."""
    uid, gid = os.getuid(), os.getgid()
    return (ENGINE_UID_FOR_ROOT, ENGINE_UID_FOR_ROOT) if uid == 0 else (uid, gid)


def hand_over(path: Path, *, remapped_to: int = 0) -> None:
    """Give a file or folder to the engine's user, for its eyes only.

    Args:
        remapped_to: the host's number of the containers' root, where the container engine maps users.
    """
    uid, gid = engine_user()
    if os.getuid() == 0:
        os.chown(path, uid + remapped_to, gid + remapped_to)
    path.chmod(0o700 if path.is_dir() else 0o400)


def probes(settings: Settings) -> dict[str, Callable[[], bool]]:
    """Whether each process beside the portal answers, as this one sees it; none takes longer than a few seconds."""
    engine = RemoteEngine(settings.engine_socket, timeout_s=2)

    def engine_ready() -> bool:
        try:
            engine.health()
        except OperatorError:
            return False
        return True

    return {
        "engine": engine_ready,
        "gate": lambda: listens(settings.gate_url),
        "launcher": LauncherClient(settings.launcher_socket).health,
        "proxy": lambda: listens(settings.proxy_api_url),
        "hub": lambda: answers(f"{settings.hub_url}/hub/api/health"),
        "worker": lambda: held(settings.lock_file("worker")),
        "post": lambda: held(settings.lock_file("post")),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """The system, ready to be used by a door."""

    settings: Settings
    site: SitePolicy  # as it was in force when this was put together
    store: Store
    engine: Engine
    publish_dataset: PublishDataset
    prepare_dataset: PrepareDataset
    owner_views: OwnerViews
    change_policy: ChangePolicy
    buy_base: BuyBase
    request_access: RequestAccess
    end_access: EndAccess
    open_notebook: OpenNotebook
    follow_notebook: FollowNotebook
    answer_question: AnswerQuestion
    question_desk: QuestionDesk
    give_receipt: GiveReceipt
    check_output: CheckOutput
    review_release: ReviewRelease
    see_release: SeeRelease
    review_queue: ReviewQueue
    comment_on_output: CommentOnOutput
    plant_output: PlantOutput
    compare_outputs: CompareOutputs
    next_turn: NextTurn
    import_files: ImportFiles
    import_views: ImportViews
    suspend_dataset: SuspendDataset
    close_data: CloseData
    destroy_data: DestroyData
    extracts: Extracts
    object_to_data: ObjectToData
    decide_objection: DecideObjection
    hold_releases: HoldReleases
    run_job: RunJob
    hold_jobs: HoldJobs
    job_views: JobViews
    objection_views: ObjectionViews
    exact_beside_private: ExactBesidePrivate
    demand_data: DemandData
    rate_dataset: RateDataset
    report_result: ReportResult
    record_breach: RecordBreach
    project_register: ProjectRegister
    transparency: Transparency
    views: Views
    log_views: LogViews
    explore_log: ExploreLog
    verify_log: VerifyLog
    listed: Listed
    policy_views: PolicyViews
    access_views: AccessViews
    browse_catalogue: BrowseCatalogue
    show_sample: ShowSample
    open_data: ReadOpenData
    verify_books: VerifyBooks
    sign_in: SignIn
    my_account: MyAccount
    look_after_people: LookAfterPeople
    record_attacks: RecordAttacks
    look_at_health: LookAtHealth
    tell_people: TellPeople
    my_notices: MyNotices
    watch_use: WatchUse
    remind_ends: RemindEnds


def channels(settings: Settings, site: SitePolicy) -> tuple[Channel, ...]:
    """The ways out of the portal that the operator has set up."""
    mail = (Channel.MAIL,) if settings.smtp and site.notices.mail_from else ()
    return (*mail, *((Channel.WEBHOOK,) if settings.webhook else ()))


def build(
    settings: Settings,
    *,
    engine: Engine | None = None,
    store: Store | None = None,
    notebooks: Notebooks | None = None,
    own_notebooks: OwnNotebooks | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    attack: Attack | None = None,
) -> Sandbox:
    """Put the system together.

    Args:
        engine: asks the engine's own process over its socket when not given.
        store: the settings' database and files when not given.
        notebooks: ends open notebooks through the launcher and the hub when not given.
        own_notebooks: opens and stops them in their person's name, through the hub when not given.
        clock: the current time, in UTC.
        attack: on trained models; in the environment beside the home when not given.
    """
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    site_file = settings.policies / "site.yaml"
    written = read_site_policy(site_file)
    store = store or Store(settings.database, home=settings.home, heads=settings.heads_dir, now=clock)
    site = settle_site(store, written).policy
    engine = engine or RemoteEngine(settings.engine_socket, timeout_s=site.answers.timeout_s + 10)

    def today() -> date:
        return clock().date()

    to_engine = partial(hand_over, remapped_to=settings.remapped_to)
    listed = Listed(store=store)
    projects = ProjectRegister(store=store, listed=listed, terms=site.society, today=today)
    my_account = MyAccount(store=store, site=site, today=today)
    trained = Trained(store=store, terms=site.training, today=today)
    permission = Permission(store=store, today=today, untrained=trained)
    hub = HubNotebooks(settings.hub_url, lambda: secret(settings.keys_dir, "portal-token"))
    # On a cluster the hub itself starts and ends them.
    launcher = None if settings.cluster else LauncherClient(settings.launcher_socket)
    ending = hub if launcher is None else LauncherNotebooks(launcher, hub)
    stop_notebooks = StopNotebooks(notebooks or ending)
    hold_jobs = HoldJobs(store=store, permission=permission)

    def stop(grants: Sequence[Grant]) -> tuple[int, ...]:
        """What goes on under grants that hold no more."""
        hold_jobs.stop_of(grants)
        return stop_notebooks(grants)

    end_access = EndAccess(store=store, today=today, stop=stop)
    visitors = Visitors(today)

    def site_now() -> Site:
        return site_with_lines(store, site_file)

    change_policy = ChangePolicy(store=store, site=site_now)
    holds = HoldReleases(store=store)
    check_output = CheckOutput(
        store=store,
        engine=engine,
        permission=permission,
        differences=Differences(store=store),
        attack_models=AttackModels(
            engine=engine, attack=attack or MembershipAttack(python=settings.attack_python)
        ),
    )
    give_receipt = GiveReceipt(store=store)
    lane = TakeFastLane(
        store=store,
        permission=permission,
        engine=engine,
        secret=secret(settings.keys_dir, "fast-lane-sample").encode(),
    )
    review = ReviewRelease(
        store=store,
        permission=permission,
        look=LookAtRequest(store=store, permission=permission, check=check_output, lane=lane),
        holds=holds,
        leave=LetOut(
            store=store,
            permission=permission,
            lane=lane,
            differences=check_output.differences,
            give_receipt=give_receipt,
            address=settings.portal_url,
        ),
    )
    closing = CloseData(store=store, engine=engine)
    catalogue = BrowseCatalogue(store=store, site=site, address=settings.portal_url)
    extracts = Extracts(store=store, engine=engine, permission=permission, extracts_dir=settings.extracts_dir)
    publish = PublishDataset(
        store=store,
        engine=engine,
        site=site_now,
        raw_dir=settings.raw_dir,
        closing=closing,
        hand_over=to_engine,
    )
    suspend = SuspendDataset(
        store=store,
        today=today,
        holds=holds,
        jobs=hold_jobs,
        stop=stop_notebooks,
        let_out=review.finish_approved,
    )
    views = Views(store=store, today=today)
    access_views = AccessViews(store=store, today=today, usual=Remembered())
    run_job = RunJob(
        store=store,
        permission=permission,
        limits=site.jobs,
        columns_open=extracts.columns_open,
        languages=lambda: languages_here(settings.images_file),
    )
    units = WithheldUnits(raw_dir=settings.raw_dir, hand_over=to_engine, key_of=closing.known_key)
    importing = ImportFiles(
        store=store,
        permission=permission,
        entrance=Entrance(
            terms=site.imports,
            target=read_target(settings.notebook_lock),
            scan=clamav(),
            recognise=recognise,
        ),
        folders=settings.imports_dir,
        today=today,
    )
    opening = OpenNotebook(
        store=store,
        limits=site.notebook,
        room=site.room,
        permission=permission,
        check_enrolled=my_account.check_enrolled,
        extracts=extracts,
        imports=importing.folder,
    )

    record_attacks = RecordAttacks(store=store, folder=settings.home / "attacks")
    tell = TellPeople(
        store=store,
        who=WhoIsTold(store=store, today=today),
        terms=site.notices,
        channels=channels(settings, site),
        now=clock,
    )

    seeing = SeeRelease(store=store, permission=permission)
    return Sandbox(
        settings=settings,
        site=site,
        store=store,
        engine=engine,
        publish_dataset=publish,
        prepare_dataset=PrepareDataset(
            store=store,
            engine=engine,
            drafts=Drafts(settings.drafts_dir),
            site=site_now,
            taking=TakeRaw(
                closing=closing,
                raw_dir=settings.raw_dir,
                hand_over=to_engine,
                most_bytes=settings.publish_mib << 20,
            ),
            folders=AllowedFolders(settings.publish_from),
            publishing=publish,
            changing=change_policy,
            now=clock,
        ),
        owner_views=OwnerViews(store=store, today=today),
        change_policy=change_policy,
        buy_base=BuyBase(store=store, engine=engine, permission=permission),
        request_access=RequestAccess(store=store, today=today, stop=stop),
        end_access=end_access,
        open_notebook=opening,
        follow_notebook=FollowNotebook(
            opening=opening,
            access_views=access_views,
            hub=own_notebooks or HubOwnNotebooks(settings.hub_url),
            stage=launcher.stage if launcher is not None else None,
            site_url=settings.url,
        ),
        answer_question=AnswerQuestion(
            store=store, engine=engine, tick_ms=site.answers.tick_ms, permission=permission, today=today
        ),
        question_desk=QuestionDesk(store=store, access_views=access_views),
        give_receipt=give_receipt,
        check_output=check_output,
        review_release=review,
        see_release=seeing,
        review_queue=ReviewQueue(store=store, views=views, today=today),
        comment_on_output=CommentOnOutput(store=store, views=views, see=seeing),
        compare_outputs=CompareOutputs(store=store, permission=permission),
        plant_output=PlantOutput(
            store=store,
            terms=site.review,
            secret=secret(settings.keys_dir, "planting-words").encode(),
        ),
        next_turn=NextTurn(store=store, review=review),
        import_files=importing,
        import_views=ImportViews(store=store, importing=importing),
        suspend_dataset=suspend,
        close_data=closing,
        destroy_data=DestroyData(store=store, engine=engine, suspending=suspend, extracts=extracts),
        extracts=extracts,
        object_to_data=ObjectToData(
            store=store,
            terms=site.objections,
            suspending=suspend,
            units=units,
            visitors=visitors,
            now=clock,
        ),
        decide_objection=DecideObjection(store=store, suspending=suspend, units=units, publishing=publish),
        hold_releases=holds,
        run_job=run_job,
        hold_jobs=hold_jobs,
        job_views=JobViews(store=store, views=views, run_job=run_job),
        objection_views=ObjectionViews(store=store, holds=holds),
        exact_beside_private=ExactBesidePrivate(store=store),
        demand_data=DemandData(
            store=store, listed=listed, visitors=visitors, terms=site.society, today=today
        ),
        rate_dataset=RateDataset(store=store, listed=listed),
        report_result=ReportResult(store=store, listed=listed, today=today),
        record_breach=RecordBreach(
            store=store,
            listed=listed,
            end_access=end_access,
            terms=site.society,
            pseudonym_key=secret(settings.keys_dir, "pseudonyms").encode(),
        ),
        project_register=projects,
        transparency=Transparency(store=store, listed=listed, projects=projects, today=today),
        views=views,
        log_views=LogViews(store=store),
        explore_log=ExploreLog(store=store),
        verify_log=VerifyLog(store=store, books=VerifyBooks(store=store)),
        listed=listed,
        policy_views=PolicyViews(store=store, change=change_policy, today=today),
        access_views=access_views,
        browse_catalogue=catalogue,
        show_sample=ShowSample(catalogue=catalogue),
        open_data=ReadOpenData(store=store),
        verify_books=VerifyBooks(store=store),
        sign_in=SignIn(store=store, terms=site.sign_in),
        my_account=my_account,
        look_after_people=LookAfterPeople(store=store, site=site, today=today),
        record_attacks=record_attacks,
        look_at_health=LookAtHealth(
            store=store,
            attacks=record_attacks,
            home=settings.home,
            probes=probes(settings),
            images=lambda: built_images(settings.images_file),
            now=clock,
        ),
        tell_people=tell,
        my_notices=MyNotices(
            store=store,
            tell=tell,
            still=StillToDo(store=store, today=today),
            code_key=secret(settings.keys_dir, CODE_KEY).encode(),
            now=clock,
        ),
        watch_use=WatchUse(store=store, terms=site.notices, now=clock),
        remind_ends=RemindEnds(
            store=store, days=site.notices.grant_ends_days, training=site.training, today=today
        ),
    )
