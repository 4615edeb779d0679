# Rooms on Rails' own ActionCable, without the rest of Rails: what is said in a room is told to all who are in it.
#
#   ruby actioncable-server.rb PORT

require "logger"

# Debian's packages are unpacked and not installed: all of them are in the path, and no gem has to be activated.
module Kernel
  def gem(*) = nil
end

require "action_cable"
require "puma"
require "puma/server"

class Connection < ActionCable::Connection::Base
  identified_by :name

  def connect
    self.name = request.params["name"] || reject_unauthorized_connection
  end
end

class RoomChannel < ActionCable::Channel::Base
  def subscribed
    return reject if params["room"] == "closed"

    stream_from "room-#{params["room"]}"
    transmit({ "hint" => "You are #{name}.", "seat" => rand(1..99) })
  end

  def say(data)
    told = { "id" => "m-#{SecureRandom.hex(6)}", "by" => name, "text" => data["text"] }
    ActionCable.server.broadcast("room-#{params["room"]}", told)
  end
end

ActionCable.server.config.then do |config|
  config.cable = { "adapter" => "async" }
  config.logger = Logger.new($stderr, level: Logger::WARN)
  config.connection_class = -> { Connection }
  config.disable_request_forgery_protection = true
end

server = Puma::Server.new(ActionCable.server, Puma::Events.stdio, min_threads: 1, max_threads: 8)
server.add_tcp_listener("127.0.0.1", Integer(ARGV.fetch(0)))
server.run.join
