/* Answers, acknowledgements and cancels: one request of an MCP client, its relay, supervisors one after the other, and the disk.
 * README.md says what is left out and how to read a trail. A name in brackets is the function of the code that a step stands
 * for. How a run is started at most once is start.pml's: here it is one step, and goes on without a supervisor.
 */

#include "choice.pml"
#define ACK_BEFORE_WRITTEN (mutation == 1)  /* acknowledged when it is read from the supervisor */
#define NOT_SENT_AGAIN (mutation == 2)      /* what a supervisor has had is not sent to the next */
#define CANCEL_FORGOTTEN (mutation == 3)    /* a cancelled request comes as `msg` on the next connection */
#define HALF_TAKEN (mutation == 4)          /* what is left of a line without its end is passed on */
#define ANY_ANSWER_TAKEN (mutation == 5)    /* also to what was given up, and comes as `msg` */
#define SETTLED_IGNORED (mutation == 6)
#define KEPT_NOT_SAID (mutation == 7)       /* nor is what was to be acknowledged to the supervisor before */
#define DISCARDED_WHEN_SENT (mutation == 8) /* written is taken for read */
#define BEGUN_BEFORE_RECORDED (mutation == 9)
#define LOCK_NOT_LOOKED_AT (mutation == 10) /* of a frontend whose connection is gone */
#define BEGUN_UNASKED (mutation == 11)      /* what is recovered begins without being asked for */
#define GIVEN_UP_BY_RELAY_ALONE (mutation == 12 || ANY_ANSWER_TAKEN) /* it comes as `msg` */
#define RUN_STAYS (mutation == 13)          /* a run directory without a request is left alone */
#define GONE_BEFORE_READ (mutation == 14)   /* a frontend is held to be gone while what it has sent is still to be read */

#define DEATHS_ALLOWED 2 /* kept_requests::deaths_allowed is 3: as much happens with one less */

/* Frames, as in docs/protocol.md; `half` is one without its LF. */
mtype = { kept_it, kept_none, msg, cancelled, note, ack };      /* `note` is the line `notifications/cancelled` */
mtype = { answer, settled, note_settled, leaving, half };
mtype = { nothing, waiting, executing, answered };              /* requests_state::phase */
mtype = { none, going, ended };                                 /* a run */
mtype = { apart, open, ending };                                /* kept_requests::phase */

chan to_supervisor = [5] of { mtype };
chan to_relay = [4] of { mtype };

/* The disk, and what goes on without a supervisor. */
bool request_file;
mtype run_state = none;

bool is_listening;    /* a supervisor is */
bool is_connected;    /* on its side */
bool relay_lives = true; /* and holds the frontend's lock */

/* The client. */
bool has_asked, has_cancelled;
byte answers; /* whole lines that it has had */

/* [kept_requests]: the request's line, the cancel's line */
mtype link = apart;
bool line_kept, line_was_sent, line_is_sent, line_cancelled, line_given_up;
byte line_deaths;
bool note_kept, note_is_sent;
bool undelivered, to_acknowledge, says_what_is_kept, is_planned;
/* [relay]: to_client_ */
bool answer_to_write, error_to_write, is_half_written;

/* Of the whole. */
byte executions;
bool may_not_begin; /* a supervisor knows of the cancel, or would if it had read what was sent first */

#define RELAY_IS_EMPTY (!line_kept && !note_kept && !undelivered && !to_acknowledge && !answer_to_write && !error_to_write)

proctype the_run() {
end_run:
  do
  :: atomic { run_state == going -> run_state = ended }
  od
}

/* --- the client and its relay ------------------------------------------------------------------------------------------- */

inline send(frame) {
  if
  :: is_connected -> to_supervisor!frame
  :: else /* lost with the connection */
  fi
}

inline take_answer() { /* [relay::take_answer], [kept_requests::answered] */
  if
  :: line_kept && !line_given_up || ANY_ANSWER_TAKEN ->
    undelivered = !ACK_BEFORE_WRITTEN;
    to_acknowledge = to_acknowledge || ACK_BEFORE_WRITTEN;
    answer_to_write = true
  :: else -> to_acknowledge = to_acknowledge || !undelivered
  fi;
  line_kept = false
}

proctype relay() {
  bool may_cancel, may_die;
  atomic {
    if :: may_cancel = true :: true fi;
    if :: may_die = true :: true fi
  };
end_relay:
  do
  :: atomic { !has_asked -> has_asked = true; line_kept = true } /* [take_client_message], [keep] */
  :: atomic { /* [take_cancel] */
      may_cancel && has_asked && answers == 0 ->
      may_cancel = false;
      has_cancelled = true;
      line_cancelled = line_kept && !line_given_up;
      note_kept = true
    }
  :: atomic { /* [end_attempt], [kept_requests::connected] */
      link == apart && is_listening ->
      link = open;
      is_connected = true;
      is_planned = false;
      to_acknowledge = false; /* what is not said to be kept is acknowledged */
      says_what_is_kept = line_was_sent && !KEPT_NOT_SAID;
      line_is_sent = NOT_SENT_AGAIN && line_was_sent;
      note_is_sent = false;
      may_not_begin = may_not_begin || line_cancelled || line_given_up
    }
  /* [fill_supervisor], [next_frame] */
  :: atomic {
      link == open && says_what_is_kept && nfull(to_supervisor) ->
      says_what_is_kept = false;
      if
      :: line_kept && line_was_sent || undelivered -> send(kept_it)
      :: else -> send(kept_none)
      fi
    }
  :: atomic { link != apart && !(link == open && says_what_is_kept) && to_acknowledge && nfull(to_supervisor) -> to_acknowledge = false; send(ack) }
  :: atomic { /* [frame_of] */
      link == open && !says_what_is_kept && !to_acknowledge && line_kept && !line_is_sent && nfull(to_supervisor) ->
      line_is_sent = true;
      line_was_sent = true;
      if
      :: line_cancelled && !CANCEL_FORGOTTEN || line_given_up && !GIVEN_UP_BY_RELAY_ALONE -> send(cancelled)
      :: else -> send(msg)
      fi
    }
  :: atomic {
      link == open && !says_what_is_kept && !to_acknowledge && !(line_kept && !line_is_sent) && note_kept && !note_is_sent && nfull(to_supervisor) ->
      note_is_sent = true;
      send(note)
    }
  /* [read_supervisor], [take_supervisor_line] */
  :: atomic { link != apart && to_relay?[answer] -> to_relay?answer; take_answer() }
  :: atomic { link != apart && to_relay?[settled] -> to_relay?settled; line_kept = line_kept && SETTLED_IGNORED } /* [kept_requests::settled] */
  :: atomic { link != apart && to_relay?[note_settled] -> to_relay?note_settled; note_kept = false }
  :: atomic { link != apart && to_relay?[leaving] -> to_relay?leaving; link = ending; is_planned = true } /* [end_announced] */
  :: atomic {
      link != apart && to_relay?[half] ->
      to_relay?half;
      if
      :: HALF_TAKEN -> HOLDS(7, false)
      :: else
      fi
    }
  :: atomic { /* [lose_supervisor], [kept_requests::lost] */
      link != apart && !is_connected && empty(to_relay) ->
      link = apart;
      if
      :: line_kept && line_is_sent && !is_planned -> line_deaths++
      :: else
      fi;
      if
      :: line_deaths == DEATHS_ALLOWED && line_given_up -> line_kept = false; line_deaths = 0
      :: line_deaths == DEATHS_ALLOWED && !line_given_up ->
        error_to_write = !line_cancelled;
        line_given_up = true;
        line_deaths = 0
      :: else
      fi
    }
  /* [write_client]: as much as the client takes */
  :: atomic { (answer_to_write || error_to_write) && !is_half_written -> is_half_written = true }
  :: atomic {
      is_half_written ->
      is_half_written = false;
      answers++;
      HOLDS(2, answers <= 1);
      if
      :: answer_to_write -> /* [delivered] */
        answer_to_write = false;
        to_acknowledge = to_acknowledge || undelivered;
        undelivered = false
      :: else -> error_to_write = false
      fi
    }
  :: atomic { may_die -> relay_lives = false; is_connected = false; break }
  od
}

/* --- the supervisor ----------------------------------------------------------------------------------------------------- */

mtype = { recover, serve, record, begin_run, conclude, deliver, acknowledge, cancel, discard, remove_run };

/* [session_state::deliver], [settle]: what is written after the last that gets out is lost with the supervisor. */
inline say(frame) {
  if
  :: is_mute || !is_connected
  :: !is_mute && is_connected -> to_relay!frame
  :: !is_mute && is_connected && deaths > 0 -> is_mute = true
  :: !is_mute && is_connected && deaths > 0 -> is_mute = true; to_relay!half
  fi
}

proctype supervisor() {
  mtype step, now;
  bool is_asked;       /* requests_state::entry::call.waiting */
  bool orphaned;       /* entry::orphaned */
  bool call_is_live;   /* session_state::calls */
  bool call_cancelled; /* live_call::cancelled */
  bool is_mute;

begin:
  atomic {
    is_asked = false; orphaned = false; call_is_live = false; call_cancelled = false; is_mute = false; now = nothing;
    step = recover
  };

end_supervisor:
  do
  /* [launcher_state::recover], [requests_state::take_over], [adopt] */
  :: atomic {
      step == recover ->
      if
      :: !request_file
      :: request_file && run_state == none -> now = waiting
      :: request_file && run_state != none -> now = executing
      fi;
      is_listening = true;
      step = serve
    }

  /* [session_state::take] */
  :: atomic {
      step == serve && to_supervisor?[msg] ->
      to_supervisor?msg;
      is_asked = true;
      call_is_live = true;
      call_cancelled = false;
      if /* [requests_state::accept], [take_up] */
      :: now == nothing -> step = (BEGUN_BEFORE_RECORDED -> begin_run : record)
      :: now == waiting -> step = begin_run
      :: now == answered -> step = deliver
      :: else
      fi
    }
  :: atomic {
      step == serve && to_supervisor?[cancelled] ->
      to_supervisor?cancelled;
      may_not_begin = true;
      is_asked = true;
      call_is_live = true;
      call_cancelled = true;
      if
      :: now == nothing -> now = answered; step = deliver /* [resolve]: [answer_cancelled_early] */
      :: now == answered -> step = deliver
      :: else -> step = cancel
      fi
    }
  :: atomic { /* [mcp_dialect::notification], [session_state::cancel], [cancel_line] */
      step == serve && to_supervisor?[note] && nfull(to_relay) ->
      to_supervisor?note;
      if
      :: call_is_live && !call_cancelled -> call_cancelled = true; may_not_begin = true; step = cancel
      :: else
      fi;
      say(note_settled)
    }
  :: atomic { step == serve && to_supervisor?[ack] -> to_supervisor?ack; step = acknowledge }
  :: atomic { step == serve && to_supervisor?[kept_none] -> to_supervisor?kept_none; step = acknowledge } /* [acknowledge_others] */
  :: atomic { step == serve && to_supervisor?[kept_it] -> to_supervisor?kept_it }

  :: atomic { step == serve && BEGUN_UNASKED && now == waiting -> step = begin_run }
  /* [run_state::ended], [requests_state::finish] */
  :: atomic { step == serve && now == executing && run_state == ended -> step = conclude }
  /* [session_state::lose], [check_frontend], [frontend_gone] */
  :: atomic {
      step == serve && !relay_lives && (empty(to_supervisor) || GONE_BEFORE_READ) && now != nothing && !orphaned && !LOCK_NOT_LOOKED_AT ->
      orphaned = true;
      call_is_live = false;
      is_asked = false;
      step = (now == answered -> discard : cancel)
    }
  /* [launcher_state::clear_strays] */
  :: atomic { step == serve && !request_file && run_state == ended && now == nothing && !RUN_STAYS -> run_state = none }

  :: atomic { step == record -> request_file = true; step = (BEGUN_BEFORE_RECORDED -> serve : begin_run) }
  :: atomic { /* [requests_state::execute], start.pml */
      step == begin_run && run_state == none ->
      executions++;
      HOLDS(1, executions <= 1);
      HOLDS(4, !may_not_begin);
      run_state = going;
      now = executing;
      step = (BEGUN_BEFORE_RECORDED && !request_file -> record : serve)
    }
  :: atomic { step == begin_run && run_state != none -> step = conclude } /* mkdir: EEXIST */

  /* [requests_state::answer] */
  :: atomic {
      step == conclude ->
      now = answered;
      if
      :: orphaned -> step = discard
      :: !orphaned && is_asked -> step = deliver
      :: else -> step = serve
      fi
    }
  :: atomic { /* [session_state::deliver] */
      step == deliver && (!call_is_live || nfull(to_relay)) ->
      if
      :: !call_is_live -> step = serve
      :: call_is_live && call_cancelled -> say(settled); step = acknowledge
      :: call_is_live && !call_cancelled -> say(answer); step = (DISCARDED_WHEN_SENT -> discard : serve)
      fi;
      call_is_live = false
    }
  :: atomic { /* [requests_state::acknowledge] */
      step == acknowledge ->
      orphaned = orphaned || now != nothing && !is_asked;
      if
      :: now == answered || orphaned && now == waiting -> step = discard
      :: orphaned && now == executing -> step = cancel
      :: else -> step = serve
      fi
    }
  /* [requests_state::cancel]: a run ends by itself in any case */
  :: atomic { step == cancel -> step = (now == waiting -> conclude : serve) }
  :: atomic { /* [forget], [discard_request]: the request's file first */
      step == discard ->
      HOLDS(6, !relay_lives || has_cancelled || line_given_up || answers > 0);
      request_file = false;
      orphaned = false;
      is_asked = false;
      step = remove_run
    }
  :: atomic { step == remove_run -> run_state = (run_state == ended -> none : run_state); now = nothing; step = serve }

  /* kill -9, at any of these steps */
  :: atomic { deaths > 0 -> deaths--; goto dead }
  /* [session_state::end]: left to the next */
  :: atomic { step == serve && deaths > 0 && is_connected && !is_mute && nfull(to_relay) -> deaths--; to_relay!leaving; goto dead }
  od;

dead:
  atomic {
    is_listening = false;
    is_connected = false;
    do
    :: to_supervisor?_
    :: empty(to_supervisor) -> break
    od;
    goto begin
  }
}

/* --- when nothing moves any more -------------------------------------------------------------------------------------- */

proctype quiet() {
  bool is_quiet;
  timeout;
  HOLDS(3, !relay_lives || has_cancelled || answers == 1);
  HOLDS(5, !request_file && run_state == none);
  HOLDS(8, !relay_lives || RELAY_IS_EMPTY);
  do
  :: is_quiet = !is_quiet /* time goes on: what an `ltl` says is of runs without end */
  od
}

init {
  atomic {
    CHOOSE;
    run supervisor();
    run relay();
    run the_run();
    run quiet()
  }
}

ltl answered_in_the_end { <> (!relay_lives || has_cancelled || answers == 1) }
ltl clean_in_the_end { <> [] (!request_file && run_state == none && (!relay_lives || RELAY_IS_EMPTY)) }
