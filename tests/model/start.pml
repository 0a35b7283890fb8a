/* Start at most once: one run key, its request's file, the directories made for it one after the other, their keepers, and
 * supervisors one after the other. README.md says what is left out and how to read a trail.
 *
 * A name in brackets is the function of the code that a step stands for. Each `atomic` is one system call or one message; a
 * supervisor may die before each (`DIE`), a keeper too (`STEP`), which may also stand still there for as long as it likes.
 */

#define DIRECTORIES 3 /* a supervisor makes at most one for a key: two deaths of supervisors at most */
#define NONE DIRECTORIES

#include "choice.pml"
#define EXEC_BEFORE_CLAIM (mutation == 1)     /* the CLI is executed, then `started` is created */
#define CLAIM_NOT_EXCLUSIVE (mutation == 2)   /* `started` is opened without O_EXCL */
#define NO_CLAIM_OF_SUPERVISOR (mutation == 3) /* what is not started is started anew without claiming it */
#define LOST_STARTED_AGAIN (mutation == 4)    /* `started`, no end, nobody alive: once more */
#define DRAFT_NOT_LOOKED_AT (mutation == 5)   /* a keeper trusts its claim alone */
#define DRAFT_REMOVED_ANYHOW (mutation == 6)  /* `started` may go before the draft */
#define LOCK_BEFORE_STARTED (mutation == 7)   /* [adopt] looks at the lock, then at `started` */
#define RUN_BEFORE_REQUEST (mutation == 8)    /* the run directory goes before the request's file; what is recovered begins unasked */
#define LOCK_GOES_BEFORE_EXIT (mutation == 9) /* the keeper lets go before exit.json is there */
#define NO_SWEEP (mutation == 10)             /* a lost run is answered without a sweep */
#define STRAYS_STAY (mutation == 11)          /* run directories without a request are left alone */
#define SLOT_STAYS (mutation == 12)           /* the end of a run gives no slot back */
#define START_BEFORE_RECORD (mutation == 13)  /* the run begins before its request is on disk */
#define NO_RECHECK (mutation == 14)           /* nobody asks whether the frontend of a recovered request lives */
#define ENDED_NOT_TAKEN_UP (mutation == 15)   /* the end of a run that ended meanwhile is not read */
#define LOST_SAID_AT_ONCE (mutation == 16)    /* a lock found free is enough: exit.json is not read */

mtype = { absent, by_keeper, voided };                       /* `started` */
mtype = { nothing, waiting, executing, answered };           /* requests_state::phase, as far as it matters here */

/* One directory: an inode, wherever its name is. A keeper has a descriptor of it. */
typedef directory {
  bool trashed;   /* renamed; its name is no longer the run's */
  bool gone;      /* removed: nothing can be created in it any more */
  bool draft;     /* exit.json.part */
  bool lock_file;
  bool exit;      /* exit.json */
  mtype started;
  bool locked;    /* by its keeper */
  bool reader;    /* the keeper's end of the FIFO: open from its first moment to its last */
  bool cancelled; /* written into the FIFO */
  bool cli;       /* the CLI lives */
  bool left;      /* processes with the run's mark, without a keeper */
}

/* The disk. */
directory dir[DIRECTORIES];
byte made = 0;      /* directories so far */
byte named = NONE;  /* the one that has the run's name */
bool request_file;

/* What is said. A supervisor that dies takes with it what it has not read. */
bool asks, cancels, acknowledges; /* to the supervisor */
bool is_up;                       /* a supervisor listens */
bool answer_sent;                 /* to the frontend: stays after a death, as bytes in a socket do */
bool has_asked, has_acknowledged; /* this supervisor */

/* The frontend. */
bool frontend_lives = true; /* holds its lock */
bool wants_none;            /* has cancelled */
bool has_answer;

/* Of the whole. */
byte executions;
bool is_over;        /* answered, be it "cancelled" or "lost", or discarded: nothing may begin after that */
bool slot;           /* of the present supervisor: taken */

/* At the beginning of an atomic step: the step, or the end before it. */
#define DIE if :: deaths > 0 -> deaths--; goto dead :: true fi

/* --- the keeper: [keep_run], [start_and_keep], [cli_process::start] -------------------------------------------------- */

inline execute(d) {
  atomic {
    executions++;
    HOLDS(1, executions <= 1);
    HOLDS(2, !is_over);
    dir[d].cli = true
  }
}

inline claim_start(d, who, won) {
  atomic {
    won = !dir[d].gone && (dir[d].started == absent || CLAIM_NOT_EXCLUSIVE);
    if
    :: won -> dir[d].started = who
    :: else
    fi
  }
}

/* One step, or the end before it. */
#define STEP(effect) atomic { if :: kills > 0 -> kills--; goto killed :: true fi; effect }

proctype keeper(byte d) {
  bool won;
  STEP( /* [take_lock]: O_CREAT, and that fails in a directory that is gone */
    if
    :: dir[d].gone -> goto out
    :: else -> dir[d].lock_file = true; dir[d].locked = true
    fi);
  STEP( /* [exit_file::open] */
    if
    :: !dir[d].draft -> goto out
    :: else
    fi);
  if
  :: EXEC_BEFORE_CLAIM -> execute(d)
  :: else
  fi;
  STEP( /* [claim_start] */
    claim_start(d, by_keeper, won);
    if
    :: EXEC_BEFORE_CLAIM || won
    :: else -> goto out
    fi);
  STEP( /* [exit_file::is_in_place]: whoever removes the directory takes the draft away before `started` */
    if
    :: !dir[d].draft && !DRAFT_NOT_LOOKED_AT -> dir[d].cli = false; goto out
    :: else
    fi);
  STEP( /* [cli_process::start] */
    if
    :: EXEC_BEFORE_CLAIM
    :: else -> execute(d)
    fi);
  STEP( /* [keeper::wait_and_act]: the CLI ends by itself, at its deadline, or because of what is in the FIFO */
    dir[d].cli = false;
    dir[d].locked = !LOCK_GOES_BEFORE_EXIT);
  STEP( /* [exit_file::publish]: by rename */
    if
    :: dir[d].draft -> dir[d].draft = false; dir[d].exit = true
    :: else
    fi);
  goto out;
killed: /* kill -9: the CLI goes with it (PDEATHSIG), what it has started does not */
  atomic {
    dir[d].left = dir[d].cli;
    dir[d].cli = false
  };
out: /* the process's end closes its descriptors */
  atomic { dir[d].locked = false; dir[d].reader = false; won = false }
}

/* --- the supervisor ------------------------------------------------------------------------------------------------- */

/* What it does next. Its actors take one message at a time, and its launcher has one thread: what is asked of the disk
 * meanwhile waits, and comes to the same. */
mtype = { tidy, recover, look_again, claim, listen, serve, record, launch, reserve, start_keeper, cancel, read_end, answer,
  discard, bury, remove };

#define REST_MAY_GO(d) (!dir[d].draft || DRAFT_REMOVED_ANYHOW)

proctype supervisor() {
  mtype step;
  mtype now;         /* requests_state::entry::now */
  bool is_asked;     /* entry::call.waiting */
  bool orphaned;     /* entry::orphaned */
  bool is_recovered; /* entry::is_recovered */
  bool is_watched;   /* the FIFO is open: the end of the keeper will be reported */
  byte stray;        /* launcher_state::strays */
  byte d;            /* what is looked at, or removed */
  mtype after;       /* of `bury`, `remove` */
  bool alive, won;
  mtype start;

begin: /* the lock of the one before is free */
  atomic {
    now = nothing; is_asked = false; orphaned = false; is_recovered = false; stray = NONE; is_watched = false;
    start = absent; alive = false; won = false; d = 0; after = tidy; step = tidy
  };

end_supervisor:
  do
  /* [launcher_state::tidy] */
  :: atomic {
      step == tidy ->
      do
      :: d == made -> d = NONE; step = recover; break
      :: d < made && dir[d].trashed && !dir[d].gone -> step = remove; break
      :: else -> d++
      od
    }

  /* [launcher_state::recover], [recover_run], [adopt] */
  :: atomic { step == recover && !request_file -> stray = named; after = serve; step = listen }
  :: atomic { step == recover && request_file && named == NONE -> is_recovered = true; now = waiting; after = serve; step = listen }
  :: atomic {
      step == recover && request_file && named != NONE ->
      DIE;
      is_recovered = true;
      d = named;
      if
      :: LOCK_BEFORE_STARTED -> alive = dir[d].locked
      :: else -> start = dir[d].started
      fi;
      step = look_again
    }
  :: atomic {
      step == look_again ->
      if
      :: LOCK_BEFORE_STARTED -> start = dir[d].started
      :: else -> alive = dir[d].locked
      fi;
      alive = alive && dir[d].reader; /* ENXIO: it has ended since */
      if
      :: !alive && start == absent -> step = claim
      :: !alive && (start == voided || start == by_keeper && LOST_STARTED_AGAIN && !dir[d].exit) ->
        now = waiting; after = listen; step = bury
      :: else -> is_watched = alive; d = NONE; now = executing; slot = true; after = serve; step = listen /* readmit_run, adopt_run */
      fi;
      start = absent;
      alive = false
    }
  :: atomic { /* [claim_void]; lost: look again */
      step == claim ->
      DIE;
      claim_start(d, voided, won);
      if
      :: won || NO_CLAIM_OF_SUPERVISOR -> now = waiting; after = listen; step = bury
      :: else -> d = NONE; step = recover
      fi;
      won = false
    }

  :: atomic { step == listen -> DIE; is_up = true; step = serve; after = serve }

  /* [requests_state::accept], [take_up] */
  :: atomic {
      step == serve && asks ->
      asks = false;
      is_asked = true;
      if
      :: wants_none && now == nothing -> answer_sent = true; is_over = true /* [answer_cancelled_early], then settled */
      :: wants_none && (now == waiting || now == executing) -> step = cancel
      :: now == answered -> answer_sent = true; is_over = true
      :: !wants_none && now == nothing -> step = (START_BEFORE_RECORD -> launch : record)
      :: !wants_none && now == waiting -> step = launch
      :: else
      fi
    }
  :: atomic { step == serve && RUN_BEFORE_REQUEST && now == waiting -> step = launch }
  :: atomic { step == serve && cancels -> cancels = false; step = cancel }
  /* [acknowledge]: what is not `answered` was answered by the supervisor before this one, says `kept` */
  :: atomic {
      step == serve && acknowledges ->
      acknowledges = false;
      if
      :: now == answered || now == waiting -> step = discard
      :: now == executing -> orphaned = true; step = cancel
      :: else
      fi
    }
  /* [check_frontend], [frontend_gone] */
  :: atomic {
      step == serve && !frontend_lives && !orphaned && now != nothing && !(NO_RECHECK && is_recovered) ->
      orphaned = true;
      step = (now == answered -> discard : cancel)
    }
  /* keeper_gone */
  :: atomic {
      step == serve && now == executing && !(is_watched && dir[named].reader) && !(ENDED_NOT_TAKEN_UP && is_recovered) ->
      step = read_end
    }
  /* [launcher_state::clear_strays], [clear] */
  :: atomic {
      step == serve && stray != NONE && !STRAYS_STAY && dir[stray].locked && !dir[stray].cancelled ->
      dir[stray].cancelled = true
    }
  :: atomic {
      step == serve && stray != NONE && !STRAYS_STAY && !dir[stray].locked ->
      DIE;
      dir[stray].left = false;
      d = stray;
      stray = NONE;
      step = bury
    }
  :: atomic { step == serve && deaths > 0 -> deaths--; goto dead }

  /* [requests_state::record], [launcher_state::record] */
  :: atomic { step == record -> DIE; request_file = true; step = (START_BEFORE_RECORD -> serve : launch) }

  /* [launch]: directory, space, keeper */
  :: atomic { step == launch && named != NONE -> step = answer } /* mkdir: EEXIST */
  :: atomic {
      step == launch && named == NONE ->
      DIE;
      named = made;
      made++;
      dir[named].started = absent;
      now = executing;
      slot = true;
      step = reserve
    }
  :: atomic { step == reserve -> DIE; dir[named].draft = true; step = start_keeper }
  :: atomic {
      step == start_keeper ->
      DIE;
      dir[named].reader = true;
      is_watched = true;
      run keeper(named);
      step = (START_BEFORE_RECORD && !request_file -> record : serve)
    }

  /* [requests_state::cancel], [send_cancel] */
  :: atomic {
      step == cancel ->
      DIE;
      if
      :: now == waiting -> step = answer
      :: now == executing -> dir[named].cancelled = true; step = serve
      :: else -> step = serve
      fi
    }

  /* [run_state::read_exit_file], [ended], [sweep] */
  :: atomic {
      step == read_end ->
      DIE;
      if
      :: dir[named].exit && !(LOST_SAID_AT_ONCE && is_recovered)
      :: else -> /* lost: nobody executes it, and nobody has recorded its end */
        HOLDS(3, !dir[named].locked && !dir[named].reader && !dir[named].cli && !dir[named].exit);
        dir[named].left = dir[named].left && NO_SWEEP
      fi;
      step = answer
    }

  /* [requests_state::answer], [session_state::deliver]: `settled` to a frontend that has cancelled */
  :: atomic {
      step == answer ->
      DIE;
      slot = slot && SLOT_STAYS;
      now = answered;
      is_watched = false;
      if
      :: orphaned -> step = discard
      :: else -> answer_sent = answer_sent || is_asked; is_over = is_over || answer_sent; step = serve
      fi
    }

  /* [launcher_state::discard_request]: the request's file first. In the other order a death in between would leave a request
   * without a run, which would be executed again. */
  :: atomic {
      step == discard ->
      DIE;
      is_over = true;
      d = named;
      if
      :: RUN_BEFORE_REQUEST && d != NONE -> after = discard; step = bury
      :: else ->
        now = nothing;
        orphaned = false;
        request_file = false;
        after = serve;
        step = (d == NONE -> serve : bury)
      fi
    }

  /* [launcher_state::move_to_trash] */
  :: atomic { step == bury -> DIE; dir[d].trashed = true; named = NONE; step = remove }

  /* [remove_run_directory]: the draft first. The rest in whatever order the file system has the names. */
  :: atomic { step == remove && dir[d].draft -> DIE; dir[d].draft = false }
  :: atomic { step == remove && REST_MAY_GO(d) && dir[d].started != absent -> DIE; dir[d].started = absent }
  :: atomic { step == remove && REST_MAY_GO(d) && dir[d].lock_file -> DIE; dir[d].lock_file = false }
  :: atomic { step == remove && REST_MAY_GO(d) && dir[d].exit -> DIE; dir[d].exit = false }
  :: atomic { /* all names have been read: what is made from here on stays, and so does the directory */
      step == remove && REST_MAY_GO(d) ->
      DIE;
      dir[d].gone = !dir[d].draft && dir[d].started == absent && !dir[d].lock_file && !dir[d].exit;
      dir[d].cancelled = dir[d].cancelled && !dir[d].gone;
      d = (after == tidy -> d + 1 : NONE);
      step = after;
      after = (after == discard -> discard : serve)
    }
  od;

dead: /* kill -9. The next is started by whoever needs one. */
  atomic {
    is_up = false;
    asks = false; cancels = false; acknowledges = false;
    has_asked = false; has_acknowledged = false;
    slot = false;
    goto begin
  }
}

/* --- the frontend: asks, asks the next supervisor again, acknowledges, cancels, dies ---------------------------------- */

proctype frontend() {
  bool may_cancel, may_die;
  atomic {
    if :: may_cancel = true :: true fi;
    if :: may_die = true :: true fi
  };
end_frontend:
  do
  :: atomic { is_up && !has_answer && !answer_sent && !has_asked -> asks = true; has_asked = true }
  :: atomic { answer_sent -> answer_sent = false; has_answer = true; may_cancel = false }
  /* `ack`; to each later supervisor `kept` says the same */
  :: atomic { is_up && has_answer && !has_acknowledged -> acknowledges = true; has_acknowledged = true }
  :: atomic { may_cancel && !wants_none && !has_answer -> wants_none = true; may_cancel = false; cancels = is_up && has_asked }
  :: atomic { may_die && frontend_lives -> 
      frontend_lives = false;
      asks = false; cancels = false; acknowledges = false; answer_sent = false; has_asked = false; has_acknowledged = false;
      wants_none = false; has_answer = false; /* nobody looks at them any more */
      break
    }
  od
}

/* --- when nothing moves any more -------------------------------------------------------------------------------------- */

#define NO_PROCESS(d) (!dir[d].cli && !dir[d].left && !dir[d].locked && !dir[d].reader)
#define IS_CLEAN (!request_file && named == NONE && !slot && NO_PROCESS(0) && NO_PROCESS(1) && NO_PROCESS(2))

proctype quiet() {
  bool is_quiet;
end_quiet:
  timeout;
  HOLDS(4, !frontend_lives || has_answer);
  HOLDS(5, IS_CLEAN);
  do
  :: is_quiet = !is_quiet /* time goes on: what an `ltl` says is of runs without end */
  od
}

init {
  atomic {
    CHOOSE;
    run supervisor();
    run frontend();
    run quiet()
  }
}

ltl answered_in_the_end { <> (!frontend_lives || has_answer) }
ltl clean_in_the_end { <> [] IS_CLEAN }
