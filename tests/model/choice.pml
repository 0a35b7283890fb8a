/* What a check is of: how often a supervisor and a keeper may die, and what is wrong with the model on purpose (0: nothing).
 * scripts/check-models compiles a model once and chooses by the environment; for a trail that spin itself can show, they are
 * constants.
 */
#ifdef MUTATION
byte deaths = DEATHS;
byte kills = KILLS;
byte mutation = MUTATION;
byte property = PROPERTY;
#define CHOOSE skip
#else
byte deaths;   /* of supervisors, still to come */
byte kills;    /* of keepers, still to come */
byte mutation;
byte property; /* the only one that is looked at; 0: all */
c_decl {
\#include <stdlib.h>
static int chosen(const char *name) {
  const char *value = getenv(name);
  return value ? atoi(value) : 0;
}
}
#define CHOOSE c_code { \
    now.deaths = chosen("DEATHS"); now.kills = chosen("KILLS"); now.mutation = chosen("MUTATION"); \
    now.property = chosen("PROPERTY"); }
#endif

#define HOLDS(number, what) assert(property != 0 && property != number || (what))
