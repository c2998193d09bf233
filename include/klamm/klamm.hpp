#pragma once

// All of the DSL. The order keeps the include stack, which compilers print above each error, at two lines.
#include "klamm/stream.hpp"

#include "klamm/table.hpp"

#include "klamm/grouped.hpp"

#include "klamm/grouped_table.hpp"

#include "klamm/topology.hpp"

#include "klamm/app.hpp"

#include "klamm/kafka.hpp"

#include "klamm/client.hpp"

#include "klamm/main.hpp"
